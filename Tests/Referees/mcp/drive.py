#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives the scenarios with an official client and prints what it saw, as one JSON object.

    drive.py SPEC      SPEC is JSON:
        {"client": "mcp1" | "mcp2" | "fastmcp", "mode": "auto" | "legacy" | "2026-07-28",
         "stdio": [CMD, …], "env": {…}   or   "http": URL, "headers": {…},
         "effects": FILE, "scenarios": [ID, …]}

`mcp1` needs mcp 1.x, the others mcp 2.x and fastmcp: they run in virtual environments of their own.
One connection serves all scenarios, one after the other. A transcript is what the client's caller
sees: results, errors, notifications, and what the server asked the client for.
"""
import asyncio
import contextlib
import hashlib
import json
import sys
import time

MODERN = "2026-07-28"
LONG = 4000


def short(value):
    """Long texts as length and digest, so that transcripts stay readable."""
    if isinstance(value, str) and len(value) > LONG:
        return {"length": len(value), "sha256": hashlib.sha256(
            value.encode("utf-8", "surrogatepass")).hexdigest()}
    if isinstance(value, dict):
        return {k: short(v) for k, v in value.items()}
    return [short(v) for v in value] if isinstance(value, list) else value


def plain(model):
    if hasattr(model, "model_dump"):
        return model.model_dump(by_alias=True, mode="json", exclude_none=True)
    return model


# MARK: what this client answers when it is asked

def answer_form(params):
    """What the user types: by the fields that the form has."""
    fields = params.get("requestedSchema", {}).get("properties", {})
    message = params.get("message", "")
    if "decline" in message:
        return {"action": "decline"}
    if "invalid" in message:
        return {"action": "accept", "content": {"email": 5}}
    if "username" in fields:
        content = {"username": f"ada:{message}", "email": "ada@example.org"}
    elif "titledSingle" in fields:
        content = {"untitledSingle": "option2", "titledSingle": "value1", "legacyEnum": "opt1",
                   "untitledMulti": ["a", "c"], "titledMulti": ["x"]}
    else:
        content = {name: field["default"] for name, field in fields.items() if "default" in field}
    return {"action": "accept", "content": content}


ANSWER_SAMPLE = {"role": "assistant", "model": "referee-model", "stopReason": "endTurn",
                 "content": {"type": "text", "text": "A sampled answer."}}
ANSWER_ROOTS = {"roots": [{"uri": "file:///srv/a", "name": "a"}, {"uri": "file:///srv/b"}]}


class Recorder:
    """What arrives unasked, by kind."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.events = {}

    def add(self, kind, value):
        self.events.setdefault(kind, []).append(short(value))

    async def wait(self, kind, count=1, seconds=5):
        end = time.monotonic() + seconds
        while len(self.events.get(kind, [])) < count and time.monotonic() < end:
            await asyncio.sleep(0.01)


# MARK: the clients, behind one face

class First:
    """`mcp` 1.x."""

    era = "2025-11-25"

    def __init__(self, spec, recorder):
        self.spec, self.recorder = spec, recorder
        self.stack = contextlib.AsyncExitStack()

    async def open(self):
        import httpx
        from mcp import ClientSession, StdioServerParameters
        from mcp import types
        from mcp.client.stdio import stdio_client
        from mcp.client.streamable_http import streamable_http_client
        self.types = types
        if "stdio" in self.spec:
            command = self.spec["stdio"]
            streams = await self.stack.enter_async_context(stdio_client(StdioServerParameters(
                command=command[0], args=command[1:], env=self.spec.get("env"))))
        else:
            http = await self.stack.enter_async_context(httpx.AsyncClient(
                headers=self.spec.get("headers"), timeout=60))
            streams = await self.stack.enter_async_context(
                streamable_http_client(self.spec["http"], http_client=http))
        self.session = await self.stack.enter_async_context(ClientSession(
            streams[0], streams[1], sampling_callback=self.sample, elicitation_callback=self.elicit,
            list_roots_callback=self.roots, logging_callback=self.log,
            message_handler=self.message))
        self.opening = plain(await self.session.initialize())

    async def close(self):
        await self.stack.aclose()

    async def sample(self, context, params):
        self.recorder.add("sampling", plain(params))
        return self.types.CreateMessageResult.model_validate(ANSWER_SAMPLE)

    async def elicit(self, context, params):
        self.recorder.add("elicitation", plain(params))
        return self.types.ElicitResult.model_validate(answer_form(plain(params)))

    async def roots(self, context):
        self.recorder.add("roots", True)
        return self.types.ListRootsResult.model_validate(ANSWER_ROOTS)

    async def log(self, params):
        self.recorder.add("log", plain(params))

    async def message(self, message):
        if isinstance(message, self.types.ServerNotification):
            value = plain(message.root)
            if value["method"] not in ("notifications/message", "notifications/progress"):
                self.recorder.add(value["method"], value.get("params"))

    async def progress(self, value, total, message):
        self.recorder.add("progress", [value, total, message])

    def cursor(self, cursor):
        return self.types.PaginatedRequestParams(cursor=cursor) if cursor else None

    async def list(self, what, cursor=None):
        method = getattr(self.session, "list_" + what)
        return plain(await method(params=self.cursor(cursor)))

    async def call(self, name, arguments=None, progress=False):
        return plain(await self.session.call_tool(
            name, arguments, progress_callback=self.progress if progress else None))

    async def read(self, uri):
        from pydantic import AnyUrl
        return plain(await self.session.read_resource(AnyUrl(uri)))

    async def prompt(self, name, arguments=None):
        return plain(await self.session.get_prompt(name, arguments))

    async def complete(self, ref, argument):
        t = self.types
        kind = t.PromptReference if ref["type"] == "ref/prompt" else t.ResourceTemplateReference
        return plain(await self.session.complete(kind.model_validate(ref), argument))

    async def raw(self, method, params=None):
        from pydantic import BaseModel

        class Anything(BaseModel):
            method: str
            params: dict | None = None

        return plain(await self.session.send_request(
            Anything(method=method, params=params), self.types.EmptyResult))

    async def cancelled_call(self, name, arguments):
        """Starts a call, cancels it when progress has come, and returns once that was sent."""
        number = self.session._request_id
        task = asyncio.ensure_future(self.call(name, arguments, progress=True))
        await self.recorder.wait("progress")
        t = self.types
        await self.session.send_notification(t.ClientNotification(t.CancelledNotification(
            params=t.CancelledNotificationParams(requestId=number, reason="enough"))))
        done, _ = await asyncio.wait([task], timeout=1)
        if not done:
            task.cancel()
        with contextlib.suppress(BaseException):
            await task

    async def watch(self, uri):
        from pydantic import AnyUrl
        return plain(await self.session.subscribe_resource(AnyUrl(uri)))

    async def unwatch(self, uri):
        from pydantic import AnyUrl
        return plain(await self.session.unsubscribe_resource(AnyUrl(uri)))

    async def level(self, level):
        return plain(await self.session.set_logging_level(level))

    async def ping(self):
        return plain(await self.session.send_ping())


class Second(First):
    """`mcp` 2.x, in either era."""

    async def open(self):
        import httpx2
        import mcp_types as types
        from mcp.client.client import Client
        from mcp.client.stdio import StdioServerParameters
        from mcp.client.streamable_http import streamable_http_client
        self.types = types
        if "stdio" in self.spec:
            command = self.spec["stdio"]
            target = StdioServerParameters(
                command=command[0], args=command[1:], env=self.spec.get("env"))
        else:
            http = await self.stack.enter_async_context(httpx2.AsyncClient(
                headers=self.spec.get("headers"), timeout=60))
            target = streamable_http_client(self.spec["http"], http_client=http)
        self.client = await self.stack.enter_async_context(Client(
            target, sampling_callback=self.sample, elicitation_callback=self.elicit,
            list_roots_callback=self.roots, logging_callback=self.log, log_level="info",
            message_handler=self.message, mode=self.spec.get("mode", "auto"), cache=None))
        self.opened()

    def opened(self):
        self.session = self.client.session
        opening = self.session.initialize_result or self.session.discover_result
        self.opening = plain(opening)
        self.era = self.session.protocol_version

    async def message(self, message):
        if isinstance(message, Exception):
            self.recorder.add("exception", str(message))
            return
        value = plain(message)
        if value["method"] not in ("notifications/message", "notifications/progress"):
            self.recorder.add(value["method"], value.get("params"))

    async def list(self, what, cursor=None):
        return plain(await getattr(self.client, "list_" + what)(cursor=cursor))

    async def call(self, name, arguments=None, progress=False):
        return plain(await self.client.call_tool(
            name, arguments, progress_callback=self.progress if progress else None))

    async def read(self, uri):
        return plain(await self.client.read_resource(uri))

    async def prompt(self, name, arguments=None):
        return plain(await self.client.get_prompt(name, arguments))

    async def raw(self, method, params=None):
        from pydantic import BaseModel, ConfigDict

        class Anything(BaseModel):
            model_config = ConfigDict(extra="allow")

        request = self.types.Request[dict, str](method=method, params=params or {})
        return plain(await self.session.send_request(request, Anything))

    async def once(self, name, arguments=None, responses=None, state=None):
        """One round of a call whose result may ask for input; nothing is answered by itself."""
        parsed = None
        if responses is not None:
            parsed = {k: self.types.ElicitResult.model_validate(v) for k, v in responses.items()}
        return plain(await self.session.call_tool(
            name, arguments, input_responses=parsed, request_state=state,
            allow_input_required=True))

    async def cancelled_call(self, name, arguments):
        task = asyncio.ensure_future(self.call(name, arguments, progress=True))
        await self.recorder.wait("progress")
        task.cancel()
        with contextlib.suppress(BaseException):
            await task

    async def watch(self, uri):
        return plain(await self.session.subscribe_resource(uri))

    async def unwatch(self, uri):
        return plain(await self.session.unsubscribe_resource(uri))


class Fast(Second):
    """`fastmcp`, in either era."""

    async def open(self):
        import mcp_types as types
        from fastmcp import Client
        from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
        self.types = types
        if "stdio" in self.spec:
            command = self.spec["stdio"]
            target = StdioTransport(command[0], command[1:], env=self.spec.get("env"),
                                    keep_alive=False)
        else:
            target = StreamableHttpTransport(self.spec["http"], headers=self.spec.get("headers"))

        async def sample(messages, params, context):
            return await self.sample(context, params)

        async def elicit(message, kind, params, context):
            from fastmcp.client.elicitation import ElicitResult
            self.recorder.add("elicitation", plain(params))
            return ElicitResult.model_validate(answer_form(plain(params)))

        async def roots(context):
            return (await self.roots(context)).roots

        self.client = await self.stack.enter_async_context(Client(
            target, sampling_handler=sample, elicitation_handler=elicit, roots=roots,
            log_handler=self.log, message_handler=self.message, timeout=60,
            mode=self.spec.get("mode", "auto")))
        self.opened()

    async def list(self, what, cursor=None):
        return plain(await getattr(self.client, f"list_{what}_mcp")(cursor=cursor))

    async def call(self, name, arguments=None, progress=False):
        # Left away, fastmcp's own handler would print what it gets.
        return plain(await self.client.call_tool_mcp(
            name, arguments or {}, progress_handler=self.progress if progress else self.ignore))

    async def ignore(self, value, total, message):
        pass

    async def read(self, uri):
        return plain(await self.client.read_resource_mcp(uri))

    async def prompt(self, name, arguments=None):
        return plain(await self.client.get_prompt_mcp(name, arguments))


# MARK: scenarios

class Run:
    """The steps of one scenario."""

    def __init__(self, client, recorder, effects):
        self.client, self.recorder, self.effects = client, recorder, effects
        self.steps = []
        self.modern = client.era == MODERN

    async def step(self, name, awaitable):
        """Notes what came back, or how it failed; returns what came back."""
        try:
            value = await asyncio.wait_for(awaitable, 45)
        except Exception as error:
            found = getattr(error, "error", None)
            what = plain(found) if found is not None else {"exception": type(error).__name__}
            self.steps.append({"do": name, "error": short(what)})
            return None
        self.steps.append({"do": name, "result": short(value)})
        return value

    def note(self, name, value):
        self.steps.append({"do": name, "result": value})

    async def lines(self, tag, wanted, seconds=6):
        """The effects that carry a tag, once `wanted` is among them or time is up."""
        end = time.monotonic() + seconds
        while True:
            with open(self.effects, encoding="utf-8") as file:
                found = [line for line in map(json.loads, file) if tag in line.values()]
            if any(wanted in line for line in found) or time.monotonic() > end:
                return [next(k for k in line if line[k] == tag) for line in found]
            await asyncio.sleep(0.02)


async def opening(run):
    run.note("opening", short(run.client.opening))


def calls(name, arguments=None, progress=False):
    async def scenario(run):
        await run.step(name, run.client.call(name, arguments, progress))
        if progress:
            await run.recorder.wait("progress", 3)
    return scenario


def gets(name, arguments=None):
    async def scenario(run):
        await run.step(name, run.client.prompt(name, arguments))
    return scenario


def reads(*uris):
    async def scenario(run):
        for uri in uris:
            await run.step(uri, run.client.read(uri))
    return scenario


def lists(what, member):
    async def scenario(run):
        cursor, pages = None, 0
        while pages < 10:
            found = await run.step(f"{what} page {pages}", run.client.list(what, cursor))
            cursor = found.get("nextCursor") if found else None
            pages += 1
            if not cursor:
                return
    return scenario


async def logging(run):
    await run.step("call", run.client.call("test_tool_with_logging"))
    await run.recorder.wait("log", 3)


async def ping(run):
    await run.step("ping", run.client.ping())


async def level(run):
    await run.step("level", run.client.level("warning"))


async def complete(run):
    await run.step("prompt", run.client.complete(
        {"type": "ref/prompt", "name": "test_prompt_with_arguments"},
        {"name": "arg1", "value": "par"}))
    await run.step("template", run.client.complete(
        {"type": "ref/resource", "uri": "test://template/{id}/data"},
        {"name": "id", "value": "10"}))


async def several(run):
    """Calls at the same time, answered out of order, each with progress of its own."""
    names = [("a", 3, 60), ("b", 2, 20), ("c", 1, 5)]
    answers = await asyncio.gather(*[
        run.client.call("slow", {"tag": f"several-{tag}", "steps": steps, "ms": ms})
        for tag, steps, ms in names], return_exceptions=True)
    run.note("answers", [short(a) if isinstance(a, dict) else type(a).__name__ for a in answers])


async def subscribe(run):
    await run.step("subscribe", run.client.watch("test://watched-resource"))
    await run.step("touch", run.client.call("touch_resource", {"uri": "test://watched-resource"}))
    await run.recorder.wait("notifications/resources/updated")


async def unsubscribe(run):
    await run.step("unsubscribe", run.client.unwatch("test://watched-resource"))
    await run.step("touch", run.client.call("touch_resource", {"uri": "test://watched-resource"}))
    await asyncio.sleep(0.2)


async def listen(run):
    """The modern era's only way of hearing of changes."""
    uri = "test://watched-resource"
    if not run.modern:
        return
    from mcp.client.subscriptions import listen as open_stream
    async with open_stream(
            run.client.session, tools_list_changed=True, resource_subscriptions=[uri]) as stream:
        run.note("honored", plain(stream.honored))
        await run.step("touch", run.client.call("touch_resource", {"uri": uri}))
        run.note("event", type(await asyncio.wait_for(anext(stream), 10)).__name__)
        await run.step("other", run.client.call("touch_resource", {"uri": "test://other"}))
        await run.step("tools", run.client.call("change_tools", {"on": True}))
        run.note("event", type(await asyncio.wait_for(anext(stream), 10)).__name__)
        await run.step("back", run.client.call("change_tools", {"on": False}))
        run.note("event", type(await asyncio.wait_for(anext(stream), 10)).__name__)
    run.recorder.clear()  # the same events, which arrive twice in this client


async def list_changed(run):
    if run.modern:
        return
    kind = "notifications/tools/list_changed"
    await run.step("add", run.client.call("change_tools", {"on": True}))
    await run.recorder.wait(kind)
    await run.step("remove", run.client.call("change_tools", {"on": False}))
    await run.recorder.wait(kind, 2)
    await run.step("list", run.client.list("tools", "page:24"))


async def cancel(run):
    tag = f"cancel-{time.time_ns()}"
    await run.client.cancelled_call("slow", {"tag": tag, "steps": 100, "ms": 100})
    run.recorder.clear()  # how much progress came is a matter of time
    run.note("effects", await run.lines(tag, "cancelled"))
    await run.step("afterwards", run.client.call("echo", {"text": "still here"}))


async def cursors(run):
    await run.step("second", run.client.list("resources", "page:12"))
    await run.step("wrong", run.client.list("resources", "page:x"))
    await run.step("tools", run.client.list("tools", "no-such-page"))


async def unknown_method(run):
    await run.step("method", run.client.raw("example/unknown", {"a": [1, {"b": None}]}))


async def roots(run):
    await run.step("roots", run.client.call("test_list_roots"))


async def big_argument(run):
    """Within what one action may hold."""
    await run.step("big", run.client.call("swallow", {"text": "x\u00e9\U0001f680" * 60_000}))


async def big_message(run):
    """No gated call, so nothing but the transport limits it: 2 MB there and back."""
    await run.step("big", run.client.prompt(
        "test_prompt_with_arguments", {"arg1": "x\u00e9" * 700_000, "arg2": ""}))


async def rounds(run):
    """State that travels through the client, one round at a time."""
    first = await run.step("first", run.client.once("test_input_state"))
    state = (first or {}).get("requestState")
    answer = {"go": {"action": "accept", "content": {"username": "ada"}}}
    await run.step("second", run.client.once("test_input_state", None, answer, state))


async def tampered(run):
    first = await run.step("first", run.client.once("test_input_state"))
    state = (first or {}).get("requestState") or "AA"
    changed = state[:-1] + ("A" if state[-1] != "A" else "B")
    answer = {"go": {"action": "accept", "content": {"username": "eve"}}}
    await run.step("tampered", run.client.once("test_input_state", None, answer, changed))


async def missing_answer(run):
    first = await run.step("first", run.client.once("test_input_state"))
    await run.step("nothing", run.client.once(
        "test_input_state", None, {}, (first or {}).get("requestState")))


async def extra_answer(run):
    first = await run.step("first", run.client.once("test_input_state"))
    answer = {"go": {"action": "accept", "content": {"username": "ada"}},
              "never-asked": {"action": "decline"}}
    await run.step("extra", run.client.once(
        "test_input_state", None, answer, (first or {}).get("requestState")))


async def no_input_elsewhere(run):
    for method in ("tools/list", "resources/list", "prompts/list"):
        found = await run.step(method, run.client.raw(method))
        run.note("kind", (found or {}).get("resultType"))


SCENARIOS = {
    "initialize": opening, "server-initialize": opening, "request-metadata": opening,
    "ping": ping, "logging-set-level": level, "completion-complete": complete,
    "tools_call": calls("echo", {"text": "hello"}), "tools-list": lists("tools", "tools"),
    "tools-call-simple-text": calls("test_simple_text"),
    "tools-call-image": calls("test_image_content"),
    "tools-call-audio": calls("test_audio_content"),
    "tools-call-embedded-resource": calls("test_embedded_resource"),
    "tools-call-mixed-content": calls("test_multiple_content_types"),
    "tools-call-with-logging": logging, "tools-call-error": calls("test_error_handling"),
    "tools-call-with-progress": calls("test_tool_with_progress", None, True),
    "tools-call-sampling": calls("test_sampling", {"prompt": "Tell me."}),
    "tools-call-elicitation": calls("test_elicitation", {"message": "Who?"}),
    "elicitation-sep1034-defaults": calls("test_elicitation_sep1034_defaults"),
    "elicitation-sep1034-client-defaults": calls("test_elicitation_sep1034_defaults"),
    "elicitation-sep1330-enums": calls("test_elicitation_sep1330_enums"),
    "server-sse-multiple-streams": several,
    "resources-list": lists("resources", "resources"),
    "resources-read-text": reads("test://static-text", "test://unicode"),
    "resources-read-binary": reads("test://static-binary"),
    "resources-templates-read": reads("test://template/123/data"),
    "sep-2164-resource-not-found": reads("test://no-such-resource"),
    "resources-subscribe": subscribe, "resources-unsubscribe": unsubscribe,
    "prompts-list": lists("prompts", "prompts"), "prompts-get-simple": gets("test_simple_prompt"),
    "prompts-get-with-args": gets(
        "test_prompt_with_arguments", {"arg1": "a\"b", "arg2": "\u00fc"}),
    "prompts-get-embedded-resource": gets(
        "test_prompt_with_embedded_resource", {"resourceUri": "test://example"}),
    "prompts-get-with-image": gets("test_prompt_with_image"),
    "json-schema-2020-12": calls("json_schema_2020_12_tool", {"name": "n", "address": {
        "street": "s", "city": "c"}}),
    "input-required-result-basic-elicitation": calls("test_elicitation", {"message": "Who?"}),
    "input-required-result-basic-sampling": calls("test_sampling", {"prompt": "Tell me."}),
    "input-required-result-basic-list-roots": roots,
    "input-required-result-request-state": rounds, "sep-2322-client-request-state": rounds,
    "input-required-result-multiple-input-requests": calls("test_input_multiple"),
    "input-required-result-multi-round": calls("test_input_multi_round"),
    "input-required-result-missing-input-response": missing_answer,
    "input-required-result-non-tool-request": gets("test_input_prompt"),
    "input-required-result-result-type": rounds,
    "input-required-result-unsupported-methods": no_input_elsewhere,
    "input-required-result-tampered-state": tampered,
    "input-required-result-ignore-extra-params": extra_answer,
    "input-required-result-validate-input": calls("test_elicitation", {"message": "invalid"}),
    "x-list-changed": list_changed, "x-subscription": listen, "x-cancellation": cancel,
    "x-pagination": cursors, "x-unknown-fields": calls("extra_fields"),
    "x-big-result": calls("big", {"kilobytes": 900}), "x-big-argument": big_argument,
    "x-big-message": big_message,
    "x-unicode": calls("unicode", {"text": "e\u0301\u00e9\u05d0\U0001f680\u200d\u2028\u0001"}),
    "x-structured": calls("structured", {"city": "Z\u00fcrich"}),
    "x-unknown-tool": calls("no_such_tool", {"a": 1}), "x-unknown-method": unknown_method,
    "x-roots": roots,
}


async def drive(spec):
    recorder = Recorder()
    kind = {"mcp1": First, "mcp2": Second, "fastmcp": Fast}[spec["client"]]
    client = kind(spec, recorder)
    transcript = {}
    await asyncio.wait_for(client.open(), 60)
    try:
        for name in spec["scenarios"]:
            recorder.clear()
            run = Run(client, recorder, spec["effects"])
            try:
                await SCENARIOS[name](run)
            except Exception as error:
                run.note("scenario failed", f"{type(error).__name__}: {error}")
            transcript[name] = {"steps": run.steps, "events": dict(recorder.events)}
    finally:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(client.close(), 20)
    return {"era": client.era, "transcript": transcript}


def main():
    import logging as python_logging
    import warnings
    warnings.simplefilter("ignore")
    python_logging.disable(python_logging.CRITICAL)
    spec = json.loads(sys.argv[1])
    missing = [s for s in spec["scenarios"] if s not in SCENARIOS]
    if missing:
        sys.exit(f"no such scenario: {', '.join(missing)}")
    result = asyncio.run(drive(spec))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
