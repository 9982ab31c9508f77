# SPDX-License-Identifier: Apache-2.0
"""What the upstream servers of the referee offer, once, for both eras: plain JSON and one function.

The servers in upstream_modern.py and upstream_legacy.py are written with the official SDKs; they
bring a `Host`, which is how a tool talks back to the client in the era of that SDK. Names of tools,
resources and prompts beginning with `test_` and `test://` are those of the conformance suite, whose
scenario ids scenarios.py uses.

Every tool that changes something appends one line to the file of `--effects`. That file is the
only thing the tests believe when they ask whether a tool ran.
"""
import asyncio
import base64
import hashlib
import hmac
import json
import os
import zlib

PAGE = 12


def _png():
    def chunk(kind, data):
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    header = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
            + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b""))


def _wav():
    samples = bytes(8)
    form = b"fmt \x10\0\0\0" + b"\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0"
    data = b"data" + len(samples).to_bytes(4, "little") + samples
    return b"RIFF" + (4 + len(form) + len(data)).to_bytes(4, "little") + b"WAVE" + form + data


PNG = base64.b64encode(_png()).decode()
WAV = base64.b64encode(_wav()).decode()

# Composed and decomposed, right-to-left, astral, zero-width, a line separator, a NUL, and the
# characters that JSON writers escape in different ways.
UNICODE = "e\u0301 \u00e9 \u05d0\u05d1 \U0001f680 \u200d \u2028 \u2029 \u0000 \u007f \\ \" / <>&"


def text(value):
    return {"type": "text", "text": value}


def schema(required=(), **properties):
    return {"type": "object", "properties": properties, "required": list(required),
            "additionalProperties": False}


STRING, INTEGER = {"type": "string"}, {"type": "integer"}


def tool(name, description, inputs=None, **more):
    return {"name": name, "description": description, "inputSchema": inputs or schema(), **more}


def tools():
    """The definitions, in a fixed order."""
    return [
        tool("echo", "Answers with its text.", schema(["text"], text=STRING)),
        tool("structured", "A temperature.", schema(["city"], city=STRING),
             title="Structured output",
             outputSchema=schema(["city", "celsius"], city=STRING, celsius=INTEGER)),
        tool("write_line", "Appends a line to a file.", schema(["text"], text=STRING),
             annotations={"readOnlyHint": False, "destructiveHint": False}),
        tool("write_reviewed", "Appends a line to a file; a person looks at it first.",
             schema(["text"], text=STRING), annotations={"destructiveHint": True}),
        tool("write_denied", "Appends a line to a file; nobody may.",
             schema(["text"], text=STRING), annotations={"destructiveHint": True}),
        tool("write_alternative", "Appends a line to a file in another way; also reviewed.",
             schema(["text"], text=STRING), annotations={"destructiveHint": True}),
        tool("slow", "Takes its time and tells how far it is.",
             schema(["tag", "steps", "ms"], tag=STRING, steps=INTEGER, ms=INTEGER)),
        tool("big", "Answers with that many kilobytes.", schema(["kilobytes"], kilobytes=INTEGER)),
        tool("swallow", "Tells length and digest of its text.", schema(["text"], text=STRING)),
        tool("unicode", "Difficult text, there and back.", schema(["text"], text=STRING)),
        tool("extra_fields", "Answers with members that nobody knows."),
        tool("change_tools", "Adds a tool, or takes it away.",
             schema(["on"], on={"type": "boolean"})),
        tool("touch_resource", "Says that a resource has changed.", schema(["uri"], uri=STRING)),
        tool("test_simple_text", "Simple text."),
        tool("test_image_content", "An image."),
        tool("test_audio_content", "A sound."),
        tool("test_embedded_resource", "An embedded resource."),
        tool("test_multiple_content_types", "Text, image and resource."),
        tool("test_tool_with_logging", "Three log messages."),
        tool("test_error_handling", "Always fails."),
        tool("test_tool_with_progress", "Three steps of progress."),
        tool("test_sampling", "Asks the client's model.", schema(["prompt"], prompt=STRING)),
        tool("test_elicitation", "Asks the client's user.", schema(["message"], message=STRING)),
        tool("test_elicitation_sep1034_defaults", "A form with defaults."),
        tool("test_elicitation_sep1330_enums", "A form with choices."),
        tool("test_list_roots", "Asks for the client's roots."),
        tool("test_input_multiple", "Asks for three things at once."),
        tool("test_input_multi_round", "Asks twice, one after the other."),
        tool("test_input_state", "Asks once and wants its state back."),
        tool("json_schema_2020_12_tool", "A schema with keywords of 2020-12.", {
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "$defs": {"address": schema(street=STRING, city=STRING)},
            "properties": {"name": STRING, "address": {"$ref": "#/$defs/address"}},
            "additionalProperties": False}),
    ]


ADDED_TOOL = tool("added_later", "Was not here before.", schema(["text"], text=STRING))


def resources():
    named = [
        {"uri": "test://static-text", "name": "static-text", "description": "Static text.",
         "mimeType": "text/plain"},
        {"uri": "test://static-binary", "name": "static-binary", "description": "A PNG.",
         "mimeType": "image/png"},
        {"uri": "test://watched-resource", "name": "watched-resource", "mimeType": "text/plain"},
        {"uri": "test://unicode", "name": "\u00fcml\u00e4ut \U0001f680", "mimeType": "text/plain"},
    ]
    return named + [{"uri": f"test://page/{n}", "name": f"page-{n}"} for n in range(26)]


TEMPLATES = [{"uriTemplate": "test://template/{id}/data", "name": "template",
              "description": "By id.", "mimeType": "application/json"}]

PROMPTS = [
    {"name": "test_simple_prompt", "description": "No arguments."},
    {"name": "test_prompt_with_arguments", "description": "Two arguments.", "arguments": [
        {"name": "arg1", "description": "First.", "required": True},
        {"name": "arg2", "description": "Second.", "required": True}]},
    {"name": "test_prompt_with_embedded_resource", "description": "A resource.", "arguments": [
        {"name": "resourceUri", "description": "Which.", "required": True}]},
    {"name": "test_prompt_with_image", "description": "An image."},
    {"name": "test_input_prompt", "description": "Asks before it answers."},
]


class Invalid(Exception):
    """Wrong parameters: JSON-RPC error -32602."""


class NotFound(Exception):
    """No such resource."""


class NotCapable(Exception):
    """The client has not declared what a tool would ask it for: JSON-RPC error -32021."""


def page(values, cursor):
    """One page and the cursor of the next, or None."""
    start = 0
    if cursor is not None:
        if not (cursor.startswith("page:") and cursor[5:].isdigit()):
            raise Invalid(f"unknown cursor {cursor!r}")
        start = int(cursor[5:])
    end = start + PAGE
    return values[start:end], (f"page:{end}" if end < len(values) else None)


def read(uri):
    """The contents of a resource."""
    if uri == "test://static-text":
        return [{"uri": uri, "mimeType": "text/plain", "text": "This is the static text."}]
    if uri == "test://static-binary":
        return [{"uri": uri, "mimeType": "image/png", "blob": PNG}]
    if uri == "test://watched-resource":
        return [{"uri": uri, "mimeType": "text/plain", "text": "watched"}]
    if uri == "test://unicode":
        return [{"uri": uri, "mimeType": "text/plain", "text": UNICODE}]
    parts = uri.split("/")
    if uri.startswith("test://page/") and parts[-1].isdigit() and int(parts[-1]) < 26:
        return [{"uri": uri, "mimeType": "text/plain", "text": f"page {parts[-1]}"}]
    if uri.startswith("test://template/") and len(parts) == 5 and parts[-1] == "data":
        body = json.dumps({"id": parts[3], "templateTest": True})
        return [{"uri": uri, "mimeType": "application/json", "text": body}]
    raise NotFound(uri)


def prompt(name, arguments):
    def says(*content):
        return {"messages": [{"role": "user", "content": part} for part in content]}
    if name == "test_simple_prompt":
        return says(text("This is a simple prompt for testing."))
    if name == "test_prompt_with_arguments":
        return says(text(f"arg1='{arguments.get('arg1')}', arg2='{arguments.get('arg2')}'"))
    if name == "test_prompt_with_embedded_resource":
        return says({"type": "resource", "resource": {
            "uri": arguments.get("resourceUri", "test://x"), "mimeType": "text/plain",
            "text": "Embedded."}}, text("Process the embedded resource."))
    if name == "test_prompt_with_image":
        return says({"type": "image", "data": PNG, "mimeType": "image/png"}, text("Look."))
    raise Invalid(f"unknown prompt {name!r}")


def complete(ref, argument):
    values = [v for v in ("paris", "park", "party") if v.startswith(argument["value"])]
    if ref.get("type") == "ref/resource":
        values = [v for v in ("1", "10", "100") if v.startswith(argument["value"])]
    return {"completion": {"values": values, "total": len(values), "hasMore": False}}


# MARK: what tools ask the client for

SAMPLING = {"messages": [{"role": "user", "content": text("?")}], "maxTokens": 100}

NAME_FORM = {"type": "object", "required": ["username"], "properties": {
    "username": {"type": "string", "title": "User name", "minLength": 1},
    "email": {"type": "string", "format": "email"}}}

# The suite has 95.5 for the score; the published schemas take integers only in an answer.
DEFAULTS_FORM = {"type": "object", "required": [], "properties": {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True}}}

ENUMS_FORM = {"type": "object", "required": [], "properties": {
    "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
    "titledSingle": {"type": "string", "oneOf": [
        {"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]},
    "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["One", "Two"]},
    "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["a", "b", "c"]}},
    "titledMulti": {"type": "array", "items": {"anyOf": [
        {"const": "x", "title": "X"}, {"const": "y", "title": "Y"}]}}}}


def sampling(prompt_text):
    return {"messages": [{"role": "user", "content": text(prompt_text)}], "maxTokens": 100}


def form(message, requested):
    return {"mode": "form", "message": message, "requestedSchema": requested}


# MARK: state that goes through the client (multi round-trip requests)

_KEY = os.urandom(32)


def seal(value):
    body = base64.urlsafe_b64encode(json.dumps(value, sort_keys=True).encode()).decode()
    return body + "." + hmac.new(_KEY, body.encode(), hashlib.sha256).hexdigest()


def unseal(state):
    body, _, mac = state.partition(".")
    if not hmac.compare_digest(mac, hmac.new(_KEY, body.encode(), hashlib.sha256).hexdigest()):
        raise Invalid("requestState does not verify")
    return json.loads(base64.urlsafe_b64decode(body))


class Tools:
    """The tools themselves. `host` is how they reach the client; see Host in the upstreams."""

    def __init__(self, effects):
        self.effects = effects
        self.added = False

    def definitions(self):
        return tools() + ([ADDED_TOOL] if self.added else [])

    def effect(self, line):
        with open(self.effects, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")

    async def call(self, name, arguments, host):
        """The result as JSON. Raises Invalid for a tool that is not there."""
        definition = next((d for d in self.definitions() if d["name"] == name), None)
        if definition is None:
            raise Invalid(f"unknown tool {name!r}")
        for key in definition["inputSchema"].get("required", []):
            if key not in arguments:
                return {"content": [text(f"missing argument {key!r}")], "isError": True}
        if name.startswith(("write_", "added_")):
            self.effect({"tool": name, "text": arguments["text"]})
            return self.done(f"wrote {arguments['text']}")
        return await getattr(self, "tool_" + name)(arguments, host)

    @staticmethod
    def done(*parts):
        content = [text(p) if isinstance(p, str) else p for p in parts]
        return {"content": content, "isError": False}

    async def tool_echo(self, arguments, host):
        return self.done(arguments["text"])

    async def tool_structured(self, arguments, host):
        value = {"city": arguments["city"], "celsius": 21}
        return {**self.done(json.dumps(value)), "structuredContent": value}

    async def tool_slow(self, arguments, host):
        tag = arguments["tag"]
        self.effect({"tool": "slow", "start": tag})
        try:
            for step in range(arguments["steps"]):
                await host.progress(step + 1, arguments["steps"], f"step {step + 1}")
                await asyncio.sleep(arguments["ms"] / 1000)
        except BaseException:
            self.effect({"tool": "slow", "cancelled": tag})
            raise
        self.effect({"tool": "slow", "end": tag})
        return self.done(f"done {tag}")

    async def tool_big(self, arguments, host):
        unit = "0123456789abcdef" * 64
        return self.done(unit * arguments["kilobytes"])

    async def tool_swallow(self, arguments, host):
        data = arguments["text"].encode()
        return self.done(f"{len(data)} {hashlib.sha256(data).hexdigest()}")

    async def tool_unicode(self, arguments, host):
        points = " ".join(f"{ord(c):04x}" for c in arguments["text"])
        return self.done(points, UNICODE)

    async def tool_extra_fields(self, arguments, host):
        return {"content": [{**text("known"), "_meta": {"example.org/part": [1, None]}}],
                "isError": False,
                "_meta": {"example.org/unknown": {"deep": {"er": [1, 2.5, "x", None, True]}}}}

    async def tool_change_tools(self, arguments, host):
        self.added = arguments["on"]
        await host.tools_changed()
        return self.done("changed")

    async def tool_touch_resource(self, arguments, host):
        await host.resource_updated(arguments["uri"])
        return self.done("touched")

    async def tool_test_simple_text(self, arguments, host):
        return self.done("This is a simple text response for testing.")

    async def tool_test_image_content(self, arguments, host):
        return self.done({"type": "image", "data": PNG, "mimeType": "image/png"})

    async def tool_test_audio_content(self, arguments, host):
        return self.done({"type": "audio", "data": WAV, "mimeType": "audio/wav"})

    async def tool_test_embedded_resource(self, arguments, host):
        return self.done({"type": "resource", "resource": {
            "uri": "test://embedded", "mimeType": "text/plain", "text": "Embedded."}})

    async def tool_test_multiple_content_types(self, arguments, host):
        return self.done(
            "Multiple content types:", {"type": "image", "data": PNG, "mimeType": "image/png"},
            {"type": "resource", "resource": {
                "uri": "test://mixed", "mimeType": "application/json", "text": '{"a":1}'}})

    async def tool_test_tool_with_logging(self, arguments, host):
        for message in ("Tool execution started", "Tool processing data", "Tool completed"):
            await host.log("info", message, "referee")
            await asyncio.sleep(0.02)
        return self.done("logged")

    async def tool_test_error_handling(self, arguments, host):
        return {"content": [text("This tool intentionally returns an error for testing")],
                "isError": True}

    async def tool_test_tool_with_progress(self, arguments, host):
        for value in (0, 50, 100):
            await host.progress(value, 100, f"Completed {value} of 100")
            await asyncio.sleep(0.02)
        return self.done("progressed")

    async def tool_test_sampling(self, arguments, host):
        return await self.ask(host, "sample", "sampling/createMessage",
                              sampling(arguments["prompt"]), "LLM response")

    async def tool_test_elicitation(self, arguments, host):
        return await self.ask(host, "user", "elicitation/create",
                              form(arguments["message"], NAME_FORM), "User response")

    async def tool_test_elicitation_sep1034_defaults(self, arguments, host):
        return await self.ask(host, "user", "elicitation/create",
                              form("Please review.", DEFAULTS_FORM), "Elicitation completed")

    async def tool_test_elicitation_sep1330_enums(self, arguments, host):
        return await self.ask(host, "user", "elicitation/create",
                              form("Please choose.", ENUMS_FORM), "Elicitation completed")

    async def tool_test_list_roots(self, arguments, host):
        return await self.ask(host, "roots", "roots/list", None, "Roots")

    async def ask(self, host, key, method, params, label):
        """One question, as the era has it: a request to the client, or an input_required result."""
        if not host.modern:
            answer = await host.request(method, params)
        elif not host.responses or key not in host.responses:
            if not host.capable(method):
                raise NotCapable(method)
            return self.needs({key: (method, params)})
        else:
            answer = host.responses[key]
        return self.done(f"{label}: {json.dumps(answer, sort_keys=True)}")

    @staticmethod
    def needs(questions, state=None):
        requests = {}
        for key, (method, params) in questions.items():
            requests[key] = {"method": method, **({"params": params} if params else {})}
        result = {"resultType": "input_required", "inputRequests": requests}
        if state is not None:
            result["requestState"] = state
        return result

    async def tool_test_input_multiple(self, arguments, host):
        questions = {
            "user": ("elicitation/create", form("Name?", NAME_FORM)),
            "sample": ("sampling/createMessage", sampling("Greet.")),
            "roots": ("roots/list", None)}
        if not host.modern:
            answers = {k: await host.request(*q) for k, q in questions.items()}
        elif not host.responses or set(questions) - set(host.responses):
            return self.needs(questions, seal({"round": 1}))
        else:
            unseal(host.state or "")
            answers = host.responses
        return self.done(json.dumps({k: answers[k] for k in questions}, sort_keys=True))

    async def tool_test_input_multi_round(self, arguments, host):
        first = ("elicitation/create", form("First?", NAME_FORM))
        second = ("elicitation/create", form("Second?", NAME_FORM))
        if not host.modern:
            answers = [await host.request(*first), await host.request(*second)]
            return self.done(json.dumps(answers, sort_keys=True))
        answers = unseal(host.state)["answers"] if host.state else []
        if host.responses:
            answers = answers + [host.responses["step"]]
        if len(answers) < 2:
            return self.needs({"step": (first, second)[len(answers)]}, seal({"answers": answers}))
        return self.done(json.dumps(answers, sort_keys=True))

    async def tool_test_input_state(self, arguments, host):
        question = ("elicitation/create", form("Go on?", NAME_FORM))
        if not host.modern:
            await host.request(*question)
            return self.done("state was not needed")
        if host.state is None:
            return self.needs({"go": question}, seal({"secret": "round one"}))
        value = unseal(host.state)
        if not host.responses or "go" not in host.responses:
            return self.needs({"go": question}, host.state)
        return self.done(f"state {value['secret']}")

    async def tool_json_schema_2020_12_tool(self, arguments, host):
        return self.done(json.dumps(arguments, sort_keys=True))
