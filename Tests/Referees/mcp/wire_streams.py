# SPDX-License-Identifier: Apache-2.0
"""Which answer belongs to which request over HTTP, and when a stream ends.

Functions take an Arena, as those of wire.py do.
"""
import raw
from arena import executed, kinds
from harness import brief, equal, require, until
from raw import LEGACY, MODERN, Posted, call, request


@kinds("web")
def wire_error_of_another_id(arena):
    """A 404 with an error that names no request of ours is an answer, and at once."""
    client = arena.client()
    for way in ("refused", "nameless"):
        for method in ("tools/call", "tools/list"):
            number, value = client.number(), arena.unique()
            answer = Posted(client, (
                call(number, "run_allowed", {"text": value, "how": way})
                if method == "tools/call" else request(number, method, {"how": way}))).answer(5)
            equal(answer.status, 404, f"status of {method}, {way} ({answer})")
            require(b"Session not found" in answer.body, f"the body: {answer}")
            again = call(number, "run_allowed", {"text": value})
            executed(client.ask(again), "run_allowed")
    client.close()


@kinds("front")
def wire_cancelled_read_ends(arena):
    """Taken back, a request that is never answered ends, and its id is free for the next."""
    client = arena.client()
    mark, number = arena.upstream.mark(), client.number()
    reading = Posted(arena.beside(client), request(
        number, "resources/read", {"uri": "x://y", "how": "later"}))
    until(lambda: arena.reached(mark, b"resources/read"), "it reaches the upstream", 5)
    told = client.post({"jsonrpc": "2.0", "method": "notifications/cancelled",
                        "params": {"requestId": number}})
    equal(told.status, 202, "status of the cancellation")
    require(reading.answer(3).response(number) is None, "a request that was taken back is answered")
    found = client.ask(request(number, "resources/read", {"uri": "x://z"}))
    require("result" in found, f"a read with the same id: {brief(found)}")
    arena.runs(client)
    client.close()


@kinds("front")
def wire_progress_stays_with_its_request(arena):
    """Two clients before one server: progress goes to who asked for it, not to who came last."""
    first, second = arena.gateway.client(), arena.gateway.client()
    mark, token = arena.upstream.mark(), arena.unique("token")
    numbers = arena.unique("read"), arena.unique("call")
    reading = Posted(first, request(
        numbers[0], "resources/read", {"uri": "x://y", "how": "progress", "hold": 800}, MODERN,
        {"progressToken": token}))
    until(lambda: arena.reached(mark, token.encode()), "the read reaches the upstream", 5)
    calling = Posted(second, call(
        numbers[1], "run_allowed", {"text": arena.unique(), "hold": 1200}, MODERN))
    answers = reading.answer(), calling.answer()
    require("result" in (answers[0].response(numbers[0]) or {}), f"the read: {answers[0]}")
    executed(answers[1].response(numbers[1]) or {}, "run_allowed")
    heard = [[m["params"]["progressToken"] for m in answer.messages if "method" in m]
             for answer in answers]
    equal(heard, [[token], []], "progress that the read and the call were told")
    first.close()
    second.close()


@kinds("web")
def wire_cut_stream_is_asked_for_again(arena):
    """Before 2026-07-28 a server may close its stream and be asked for the rest."""
    client = arena.client()
    client.timeout = 10
    mark, number = arena.upstream.mark(), client.number()
    arguments = {"text": arena.unique(), "how": "cut"}
    found = client.post(call(number, "run_allowed", arguments)).response(number)
    executed(found or {}, "run_allowed")
    resumed = [r for r in arena.upstream.records(mark) if "resumed" in r]
    equal(len(resumed), 1, "how often the upstream was asked for the rest")
    headers = {k.lower(): v for k, v in resumed[0]["headers"]}
    equal(headers.get("mcp-session-id"), client.session, "the session that it was asked in")
    equal(headers.get("mcp-protocol-version"), LEGACY, "the version that it was asked in")
    equal(arena.upstream.quiet(mark), [("run_allowed", arguments)], "executions")
    arena.became(arguments, "succeeded")
    client.close()
