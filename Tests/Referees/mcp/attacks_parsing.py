# SPDX-License-Identifier: Apache-2.0
"""Attacks by name: names, methods and JSON that look alike or are read in two ways.

Each asserts on what the upstream really received. See arena.py for what they run on.
"""
import json

from arena import HTTP, executed, kinds, refused, waiting
from harness import brief, equal, require
from raw import call


# MARK: names and methods that look alike

def attack_look_alike_tool_names(arena):
    client = arena.client()
    mark = arena.upstream.mark()
    for name in ("run_\u0430llowed", "run_allowed\u200b", "\ufeffrun_allowed", "run_allowed ",
                 " run_allowed", "RUN_ALLOWED", "Run_allowed", "run_allowed\u0000",
                 "run_allowed\n", "mcp.raw___run_allowed", "raw___run_allowed", "other___run",
                 "run_allowed___x", "run_\u212aallowed", "../run_allowed", "run%5fallowed",
                 "run_allowed\u202e", "\uff52un_allowed", "*", "n" * 4000):
        found = client.ask(call(client.number(), name, {"text": "x"}))
        wrong = "result" in found and not found["result"].get("isError")
        require(not wrong, f"{name!r} was taken: {brief(found)}")
    for name in ("", None, 7, ["run_allowed"], {"a": 1}, True):
        found = arena.send_exactly(client, json.dumps(
            call(900, name, {"text": "x"})).encode(), 900) or {}
        require("error" in found or (found.get("result") or {}).get("isError"),
                f"the name {name!r} was taken: {brief(found)}")
    arena.nothing_ran(mark, "names that look alike")
    arena.alive(client)
    client.close()


def attack_method_variants(arena):
    """Not quite `tools/call`: whatever the gateway does with it, no tool runs ungated."""
    client = arena.client()
    mark = arena.upstream.mark()
    for method in ("Tools/Call", "TOOLS/CALL", "tools/call ", " tools/call", "tools/call\u0000",
                   "tools/call\u200b", "\ufefftools/call", "tools//call", "tools/call/",
                   "tools/call\r", "tools/call\n", "tools\\call", "tools\u2044call", "tools.call"):
        message = call(client.number(), "run_reviewed", {"text": "x"})
        message["method"] = method
        if arena.http:
            client.post(message)
        else:
            client.send(message)
            client.response(message["id"], 3)
    arena.nothing_ran(mark, "variants of the method")
    # Other spellings of the very method in JSON: those are gated.
    for spelling in ("tools\\/call", "tools\\u002fcall", "\\u0074ools/call", "tool\\u0073/call"):
        number, value = client.number(), arena.unique()
        message = ('{"jsonrpc":"2.0","id":%d,"method":"%s","params":{"name":"run_reviewed",'
                   '"arguments":{"text":"%s"}}}' % (number, spelling, value)).encode()
        waiting(arena.send_exactly(client, message, number))
    arena.nothing_ran(mark, "escaped spellings of the method")
    arena.alive(client)
    client.close()


def attack_notification_tools_call(arena):
    """Without an id nobody would hear of a denial, so it is not a call."""
    client = arena.client()
    mark, value = arena.upstream.mark(), arena.unique()
    for tool in ("run_allowed", "run_reviewed"):
        message = call(1, tool, {"text": value})
        del message["id"]
        if arena.http:
            client.post(message)
        else:
            client.send(message)
    for identifier in ("null", "[]", "{}", "true", "1.5e400"):
        message = ('{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"run_allowed",'
                   '"arguments":{"text":"%s"}}}' % (identifier, value)).encode()
        arena.send_exactly(client, message, seconds=1.5)
    arena.nothing_ran(mark, "calls without an id")
    require(not arena.reached(mark, value.encode()), "the message reached the upstream")
    if not arena.http:
        client.others.clear()
    arena.alive(client)
    client.close()


def attack_batch_arrays(arena):
    client = arena.client()
    mark, value = arena.upstream.mark(), arena.unique()
    one = json.dumps(call(801, "run_reviewed", {"text": value}))
    two = json.dumps(call(802, "run_allowed", {"text": value}))
    for body in (f"[{one}]", f"[{two}]", f'[{{"jsonrpc":"2.0","id":1,"method":"ping"}},{one}]',
                 f"[[{one}]]", "[]", "[1]", f" \t[{two},{two}]"):
        found = arena.send_exactly(client, body.encode(), seconds=3)
        refused(found, (-32600, -32700), f"a batch {body[:40]}")
    arena.nothing_ran(mark, "batches")
    require(not arena.reached(mark, value.encode()), "a batch reached the upstream")
    arena.alive(client)
    client.close()


# MARK: parsers that disagree

def duplicates(value):
    """Messages with a key twice, at each level and in different escapes."""
    args = '"arguments":{"text":"%s"}' % value
    base = '{"jsonrpc":"2.0","id":700,"method":"tools/call","params":{"name":"run_allowed",%s}}'
    yield "name", base % ('"name":"run_reviewed",' + args)
    yield "name escaped", base % ('"n\\u0061me":"run_reviewed",' + args)
    yield "arguments", base % (args + ',"arguments":{"text":"other"}')
    yield "arguments escaped", base % (args + ',"\\u0061rguments":{"text":"other"}')
    yield "argument", base % '"arguments":{"text":"%s","text":"other"}' % value
    yield "argument escaped", base % '"arguments":{"text":"%s","te\\u0078t":"other"}' % value
    yield "deep", base % '"arguments":{"text":"%s","deep":{"a":"1","a":"2"}}' % value
    yield "meta", base % (args + ',"_meta":{"a":1,"a":2}')
    yield "meta twice", base % (args + ',"_meta":{},"_meta":{"a":2}')
    yield "params", ('{"jsonrpc":"2.0","id":700,"method":"tools/call","params":{"name":'
                     '"run_allowed",%s},"params":{"name":"run_reviewed",%s}}' % (args, args))
    yield "params escaped", (
        '{"jsonrpc":"2.0","id":700,"method":"tools/call","params":{"name":"run_allowed",%s},'
        '"p\\u0061rams":{"name":"run_reviewed",%s}}' % (args, args))
    yield "id", ('{"jsonrpc":"2.0","id":700,"id":701,"method":"tools/call","params":{"name":'
                 '"run_allowed",%s}}' % args)
    # Hidden behind a method that is no call: the first counts for one reader, the last for another.
    for first, second in (("ping", "tools/call"), ("tools/call", "ping"),
                          ("tools/call", "tools/list"), ("notifications/x", "tools/call")):
        for key in ("method", "m\\u0065thod", "\\u006dethod"):
            yield f"method {first}, {second} as {key}", (
                '{"jsonrpc":"2.0","id":700,"method":"%s","%s":"%s","params":{"name":'
                '"run_allowed",%s}}' % (first, key, second, args))


def attack_parser_differential_duplicate_keys(arena):
    client = arena.client()
    for label, message in duplicates(arena.unique("dup")):
        mark = arena.upstream.mark()
        found = arena.send_exactly(client, message.encode(), 700, seconds=2)
        equal(arena.upstream.quiet(mark, 0.15), [], f"executions after a duplicate: {label}")
        require("result" not in (found or {}) or "ping" in label or "list" in label,
                f"a duplicate key was taken ({label}): {brief(found)}")
    arena.alive(client)
    client.close()


def attack_parser_differential_malformed(arena):
    """What readers take for different things: refused, never passed on."""
    client = arena.client()
    value = arena.unique("bad")
    base = b'{"jsonrpc":"2.0","id":701,"method":"tools/call","params":{"name":"run_allowed",' \
           b'"arguments":{"text":"%s"}}}' % value.encode()

    def with_argument(text):
        return base.replace(b'"text":"%s"' % value.encode(), b'"text":' + text)
    tail = value.encode()
    bodies = {
        "NaN": base.replace(b'}}}', b',"n":NaN}}}'),
        "Infinity": base.replace(b'}}}', b',"n":-Infinity}}}'),
        "too large a number": base.replace(b'}}}', b',"n":1e999}}}'),
        "lone surrogate": with_argument(b'"\\ud800%s"' % tail),
        "reversed surrogates": with_argument(b'"\\udc00\\ud800%s"' % tail),
        "invalid UTF-8": with_argument(b'"\xff%s"' % tail),
        "overlong UTF-8": with_argument(b'"\xc0\xaf%s"' % tail),
        "UTF-8 of a surrogate": with_argument(b'"\xed\xa0\x80%s"' % tail),
        "truncated UTF-8": with_argument(b'"%s\xe2\x82"' % tail),
        "byte order mark": b"\xef\xbb\xbf" + base,
        "control character": with_argument(b'"\x01%s"' % tail),
        "single quotes": base.replace(b'"', b"'"),
        "comment": base.replace(b'"params"', b'/* */"params"'),
        "trailing comma": base.replace(b'"}}}', b'",}}}'),
        "leading zero": base.replace(b'}}}', b',"n":01}}}'),
        "plus sign": base.replace(b'}}}', b',"n":+1}}}'),
        "two values": base + base,
        "garbage behind": base + b" x",
        "NUL behind": base + b"\x00",
        "bad escape": with_argument(b'"\\x41%s"' % tail),
        "cut off": base[:-1],
        "deep": base.replace(b'"arguments":{', b'"x":' + b"[" * 5000 + b"]" * 5000
                             + b',"arguments":{'),
        "deep unclosed": b"[" * 100_000,
        "arguments no object": base.replace(b'{"text":"%s"}' % tail, b'["%s"]' % tail),
        "arguments null": base.replace(b'{"text":"%s"}' % tail, b'null'),
        "params an array": base.replace(b'"params":{"name":"run_allowed","arguments":{"text":"%s"}}'
                                        % tail, b'"params":["run_allowed",{"text":"%s"}]' % tail),
        "no version": base.replace(b'"jsonrpc":"2.0",', b''),
        "version 1.0": base.replace(b'"2.0"', b'"1.0"'),
    }
    for label, body in bodies.items():
        mark = arena.upstream.mark()
        found = arena.send_exactly(client, body, seconds=2)
        ran = arena.upstream.quiet(mark, 0.1)
        equal(ran, [], f"executions after malformed input: {label}")
        require("result" not in (found or {}) or found["result"].get("isError"),
                f"taken: {label}: {brief(found)}")
        if label not in ("no version", "version 1.0"):
            require(not arena.reached(mark, value.encode()), f"reached the upstream: {label}")
    arena.alive(client)
    client.close()


def attack_line_smuggling(arena):
    """One message for the gateway, two lines for an upstream that reads text."""
    client = arena.client()
    value = arena.unique("smuggled")
    hidden = json.dumps(call(702, "run_reviewed", {"text": value})).encode()
    for label, end in (("CR", b"\r"), ("LF", b"\n"), ("CRLF", b"\r\n"), ("CR CR", b"\r\r")):
        for template in (b'{"jsonrpc":"2.0","id":703,"method":"ping","x":%s%s%s}',
                         b'{"x":%s%s%s,"jsonrpc":"2.0","method":"notifications/y"}',
                         b'{"jsonrpc":"2.0","id":704,"result":%s%s%s}',
                         b'{"x":%s%s%s}'):
            message = template % (end, hidden, end)
            if b"\n" in end and not arena.http:
                continue  # those are two messages for everybody
            mark = arena.upstream.mark()
            arena.send_exactly(client, message, seconds=0.5)
            equal(arena.upstream.quiet(mark, 0.1), [], f"executions after {label} in a message")
            if arena.kind in ("line", "front"):
                for data in arena.upstream.bytes(mark):
                    require(not (data.startswith(b'{"jsonrpc": "2.0", "id": 702')),
                            f"the upstream read a hidden message ({label})")
    arena.alive(client)
    client.close()


@kinds(*HTTP)
def attack_pretty_printed_body(arena):
    """Line breaks in a body are harmless JSON: the call is gated and works, as one message."""
    client = arena.client()
    mark, value, number = arena.upstream.mark(), arena.unique(), client.number()
    body = json.dumps(call(number, "run_allowed", {"text": value}), indent=2).encode()
    found = arena.send_exactly(client, body, number)
    executed(found, "run_allowed")
    equal(arena.upstream.quiet(mark), [("run_allowed", {"text": value})], "executions")
    client.close()


def attack_numbers_are_not_rounded(arena):
    """What the reviewer would see must be what runs, to the last digit, or be refused."""
    client = arena.client()
    for number in ("9007199254740993", "-9007199254740993", "123456789012345678901234567890",
                   "1.0000000000000000001", "0.1e1", "1E2", "-0"):
        mark, identifier, value = arena.upstream.mark(), client.number(), arena.unique()
        body = ('{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"run_allowed",'
                '"arguments":{"text":"%s","n":%s}}}' % (identifier, value, number)).encode()
        arena.send_exactly(client, body, identifier)
        for _, arguments in arena.upstream.quiet(mark, 0.1):
            # As exact as integers of Python are, or as doubles that lose nothing.
            exact = json.loads(number, parse_float=str)
            found = arguments.get("n")
            same = found == exact if isinstance(exact, int) else float(number) == found
            lossless = isinstance(exact, int) or float(exact) == float(number)
            require(same and lossless, f"{number} became {found!r}")
            require(number != "1.0000000000000000001", f"{number} was rounded to {found!r}")
    client.close()
