# SPDX-License-Identifier: Apache-2.0
"""Validates what passed the gateway against the published schemas, message by message.

The definitions come from `corpora/mcp/schema/ERA/schema.json`. A request is held against the
definition of its method, a result against that of the request that it answers, so that nothing
passes merely because some other message looks like it.
"""
import json
import os

import jsonschema

LEGACY, MODERN = "2025-11-25", "2026-07-28"
VERSION = "io.modelcontextprotocol/protocolVersion"

RESULTS = {
    "initialize": "InitializeResult", "server/discover": "DiscoverResult",
    "tools/list": "ListToolsResult", "tools/call": "CallToolResult",
    "resources/list": "ListResourcesResult",
    "resources/templates/list": "ListResourceTemplatesResult",
    "resources/read": "ReadResourceResult", "prompts/list": "ListPromptsResult",
    "prompts/get": "GetPromptResult", "completion/complete": "CompleteResult",
    "sampling/createMessage": "CreateMessageResult", "elicitation/create": "ElicitResult",
    "roots/list": "ListRootsResult", "subscriptions/listen": "SubscriptionsListenResult",
}
# The schema of 2026-07-28 does not have the extension for tasks; ours has to look like this.
TASK = {
    "type": "object",
    "required": ["resultType", "taskId", "status", "createdAt", "ttlMs", "pollIntervalMs"],
    "properties": {
        "resultType": {"const": "task"}, "taskId": {"type": "string", "minLength": 16},
        "status": {"enum": ["working", "input_required", "completed", "failed", "cancelled"]},
        "statusMessage": {"type": "string"}, "createdAt": {"type": "string"},
        "ttlMs": {"type": ["integer", "null"]}, "pollIntervalMs": {"type": "integer"}},
}


class Schemas:
    """The definitions of both eras, compiled once each."""

    def __init__(self, corpora):
        self.documents, self.compiled = {}, {}
        for era in (LEGACY, MODERN):
            path = os.path.join(corpora, "mcp", "schema", era, "schema.json")
            with open(path, encoding="utf-8") as file:
                self.documents[era] = json.load(file)["$defs"]
        self.methods = {era: self.by_method(era) for era in self.documents}

    def by_method(self, era):
        found = {}
        for name, definition in self.documents[era].items():
            method = definition.get("properties", {}).get("method", {}).get("const")
            # Both have the same shape where they exist twice: with id for requests, without.
            if method:
                found[method, "id" in definition["properties"]] = name
        return found

    def errors(self, era, name, value):
        """What is wrong with a value, as short lines."""
        key = era, name
        if key not in self.compiled:
            self.compiled[key] = jsonschema.Draft202012Validator(
                {"$ref": f"#/$defs/{name}", "$defs": self.documents[era]})
        return [f"{name}: {place(error)}: {error.message[:200]}"
                for error in self.compiled[key].iter_errors(value)]

    def request(self, era, message):
        method, is_request = message["method"], "id" in message
        name = self.methods[era].get((method, is_request))
        # Embedded in results of the modern era, no messages of their own any more.
        if name is None:
            name = "JSONRPCRequest" if is_request else "JSONRPCNotification"
        return self.errors(era, name, message)

    def response(self, era, message, method):
        if "error" in message:
            return self.errors(era, "JSONRPCErrorResponse", message)
        found = self.errors(era, "JSONRPCResultResponse", message)
        result = message["result"]
        kind = result.get("resultType") if isinstance(result, dict) else None
        if kind == "input_required":
            return found + self.errors(era, "InputRequiredResult", result)
        if kind == "task":
            return found + [f"task: {place(e)}: {e.message[:200]}" for e in
                            jsonschema.Draft202012Validator(TASK).iter_errors(result)]
        name = RESULTS.get(method, "Result")
        if era == MODERN and name in ("CreateMessageResult", "ElicitResult", "ListRootsResult"):
            return found + ["a result that the client of this era never sends by itself"]
        return found + self.errors(era, name, result)


def place(error):
    return "/" + "/".join(str(part) for part in error.absolute_path)


def unique(pairs):
    """Refuses what readers would understand in different ways."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


class Conversation:
    """The messages of one connection or exchange, in order, with what answers what."""

    def __init__(self, schemas, where):
        self.schemas, self.where = schemas, where
        self.era = None
        self.asked = {}
        self.problems, self.count = [], 0

    def add(self, direction, raw):
        try:
            message = json.loads(raw, object_pairs_hook=unique)
        except ValueError as error:
            self.problems.append(f"{self.where}: {direction} no JSON ({error}): {raw[:200]}")
            return
        if not isinstance(message, dict):
            self.problems.append(f"{self.where}: {direction} no object: {raw[:200]}")
            return
        self.count += 1
        found = self.check(direction, message)
        self.problems += [f"{self.where}: {direction} {e} in {raw[:300]}" for e in found]

    def check(self, direction, message):
        if "method" in message:
            self.learn(message)
            if "id" in message:
                self.asked[direction, json.dumps(message["id"])] = message["method"]
            return self.schemas.request(self.era or LEGACY, message)
        other = "s2c" if direction == "c2s" else "c2s"
        method = self.asked.get((other, json.dumps(message.get("id"))))
        if method is None and "result" in message:
            return ["answers nothing that was asked"]
        return self.schemas.response(self.era or LEGACY, message, method)

    def learn(self, message):
        """Each request of the modern era says so itself; `initialize` begins the older one."""
        if message["method"] == "initialize":
            self.era = LEGACY
        meta = (message.get("params") or {}).get("_meta") or {}
        if VERSION in meta:
            self.era = MODERN


def check_folder(schemas, folder):
    """Every record below a folder that relay.py has filled: (number of messages, problems)."""
    count, problems = 0, []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            records = [json.loads(line) for line in file]
        over_http = any("exchange" in record for record in records)
        conversations = {}
        shared = Conversation(schemas, name)
        for record in records:
            raw = record.get("raw")
            if raw is None:
                problems.append(f"{name}: not UTF-8")
                continue
            conversation = shared
            if over_http:  # also of a GET, which has no body but opens a stream
                conversation = era_of(conversations, schemas, name, record, shared)
            # Refusals of HTTP are looked at where they are provoked.
            refusal = record.get("status", 200) >= 400 and record["dir"] == "s2c"
            if raw.strip() and not refusal:
                conversation.add(record["dir"], raw)
        for conversation in {id(c): c for c in [shared, *conversations.values()]}.values():
            count += conversation.count
            problems += conversation.problems
    return count, problems


def era_of(conversations, schemas, name, record, shared):
    """Exchanges of the modern era stand alone; those of an older session share their ids.

    A session is told apart by its header, so that two clients may use the same ids.
    """
    exchange = record["exchange"]
    if record["dir"] == "c2s":
        headers = {k.lower(): v for k, v in record["headers"]}
        session = headers.get("mcp-session-id")
        key = ("session", session) if session else ("exchange", exchange)
        conversation = conversations.get(key)
        if conversation is None:
            conversation = conversations[key] = Conversation(schemas, f"{name} {key[0]}")
            if session:
                conversation.era = LEGACY
        conversations["exchange", exchange] = conversation
        return conversation
    return conversations.get(("exchange", exchange), shared)
