#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The upstream of the era 2026-07-28, with the official SDK `mcp` 2.x. Answers older clients too.

    upstream_modern.py --effects FILE              over standard input and output
    upstream_modern.py --effects FILE --port N     over HTTP, at http://127.0.0.1:N/mcp
"""
import argparse
import functools
import warnings

import anyio
import mcp_types as types
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp.shared.exceptions import MCPError
from mcp.shared.subscriptions import ResourceUpdated, ToolsListChanged
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

import fixture

REQUESTS = {
    "sampling/createMessage": (types.CreateMessageRequest, types.CreateMessageResult),
    "elicitation/create": (types.ElicitRequest, types.ElicitResult),
    "roots/list": (types.ListRootsRequest, types.ListRootsResult),
}
BUS = InMemorySubscriptionBus()
SUBSCRIBED = set()


class Host:
    """How a tool reaches the client of the request that it serves."""

    def __init__(self, ctx, params=None):
        self.ctx = ctx
        self.modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
        answers = getattr(params, "input_responses", None)
        self.responses = {k: plain(v) for k, v in answers.items()} if answers else None
        self.state = getattr(params, "request_state", None)

    def capable(self, method):
        known = self.ctx.session.client_capabilities
        name = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling",
                "roots/list": "roots"}[method]
        return known is not None and getattr(known, name) is not None

    async def progress(self, value, total, message):
        await self.ctx.session.report_progress(value, total, message)

    async def log(self, level, data, logger):
        await self.ctx.session.send_log_message(
            level=level, data=data, logger=logger, related_request_id=self.ctx.request_id)

    async def request(self, method, params):
        kind, result = REQUESTS[method]
        message = {"method": method, **({"params": params} if params else {})}
        from mcp.shared.message import ServerMessageMetadata
        answer = await self.ctx.session.send_request(
            kind.model_validate(message), result,
            metadata=ServerMessageMetadata(related_request_id=self.ctx.request_id))
        return plain(answer)

    async def tools_changed(self):
        if self.modern:
            await BUS.publish(ToolsListChanged())
        else:
            await self.ctx.session.send_tool_list_changed()

    async def resource_updated(self, uri):
        if self.modern:
            await BUS.publish(ResourceUpdated(uri=uri))
        elif uri in SUBSCRIBED:
            await self.ctx.session.send_resource_updated(uri)


def plain(model):
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)


def paged(member, values, model):
    async def handler(ctx, params):
        try:
            part, cursor = fixture.page(values(), params.cursor if params else None)
        except fixture.Invalid as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from None
        return model.model_validate({member: part, **({"nextCursor": cursor} if cursor else {})})
    return handler


def server(tools):
    async def call(ctx, params):
        try:
            result = await tools.call(params.name, params.arguments or {}, Host(ctx, params))
        except fixture.Invalid as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from None
        except fixture.NotCapable as error:
            name = str(error).split("/")[0]
            raise MCPError(-32021, f"the client cannot do {error}",
                           {"requiredCapabilities": {name: {}}}) from None
        if result.get("resultType") == "input_required":
            return types.InputRequiredResult.model_validate(result)
        return types.CallToolResult.model_validate(result)

    async def read(ctx, params):
        try:
            return types.ReadResourceResult.model_validate(
                {"contents": fixture.read(str(params.uri))})
        except fixture.NotFound as error:
            modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
            raise MCPError(types.INVALID_PARAMS if modern else -32002, "Resource not found",
                           {"uri": str(error)}) from None

    async def prompt(ctx, params):
        host = Host(ctx, params)
        if params.name == "test_input_prompt":
            question = ("elicitation/create", fixture.form("What for?", fixture.NAME_FORM))
            result = await tools.ask(host, "user", *question, "User response")
            if result.get("resultType") == "input_required":
                return types.InputRequiredResult.model_validate(result)
            messages = [{"role": "user", "content": part} for part in result["content"]]
            return types.GetPromptResult.model_validate({"messages": messages})
        try:
            return types.GetPromptResult.model_validate(
                fixture.prompt(params.name, params.arguments or {}))
        except fixture.Invalid as error:
            raise MCPError(types.INVALID_PARAMS, str(error)) from None

    async def complete(ctx, params):
        return types.CompleteResult.model_validate(
            fixture.complete(plain(params.ref), plain(params.argument)))

    async def subscribe(ctx, params):
        SUBSCRIBED.add(str(params.uri))
        return types.EmptyResult()

    async def unsubscribe(ctx, params):
        SUBSCRIBED.discard(str(params.uri))
        return types.EmptyResult()

    async def level(ctx, params):
        return types.EmptyResult()

    return Server(
        "referee-upstream", version="1.0.0", instructions="For tests only.",
        on_list_tools=paged("tools", tools.definitions, types.ListToolsResult),
        on_call_tool=call,
        on_list_resources=paged("resources", fixture.resources, types.ListResourcesResult),
        on_list_resource_templates=paged(
            "resourceTemplates", lambda: fixture.TEMPLATES, types.ListResourceTemplatesResult),
        on_read_resource=read, on_subscribe_resource=subscribe,
        on_unsubscribe_resource=unsubscribe, on_subscriptions_listen=ListenHandler(BUS),
        on_list_prompts=paged("prompts", lambda: fixture.PROMPTS, types.ListPromptsResult),
        on_get_prompt=prompt, on_completion=complete, on_set_logging_level=level)


def main():
    warnings.simplefilter("ignore")  # of what the older era still has
    parser = argparse.ArgumentParser()
    parser.add_argument("--effects", required=True)
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    built = server(fixture.Tools(options.effects))
    # Over HTTP the SDK asks for the options itself, and would say that nothing ever changes.
    built.create_initialization_options = functools.partial(
        built.create_initialization_options, notification_options=NotificationOptions(
            tools_changed=True, resources_changed=True, prompts_changed=True))
    if options.port:
        import uvicorn
        app = built.streamable_http_app(max_request_body_size=16 << 20)
        uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="error")
        return

    async def stdio():
        async with stdio_server() as (reader, writer):
            await built.run(reader, writer, built.create_initialization_options())
    anyio.run(stdio)


if __name__ == "__main__":
    main()
