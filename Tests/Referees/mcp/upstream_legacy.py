#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The upstream of the era 2025-11-25, with the official SDK `mcp` 1.x.

    upstream_legacy.py --effects FILE              over standard input and output
    upstream_legacy.py --effects FILE --port N     over HTTP, at http://127.0.0.1:N/mcp
"""
import argparse
import contextlib
import functools

import anyio
import mcp.types as types
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import McpError
from mcp.shared.message import ServerMessageMetadata

import fixture

RESULTS = {
    "sampling/createMessage": (types.CreateMessageRequest, types.CreateMessageResult),
    "elicitation/create": (types.ElicitRequest, types.ElicitResult),
    "roots/list": (types.ListRootsRequest, types.ListRootsResult),
}
SUBSCRIBED = set()


class Host:
    """How a tool reaches the client of the request that it serves."""

    modern = False
    responses = state = None

    def __init__(self, context):
        self.context = context

    async def progress(self, value, total, message):
        token = self.context.meta.progressToken if self.context.meta else None
        if token is not None:
            await self.context.session.send_progress_notification(
                token, value, total, message, related_request_id=str(self.context.request_id))

    async def log(self, level, data, logger):
        await self.context.session.send_log_message(
            level, data, logger, related_request_id=self.context.request_id)

    async def request(self, method, params):
        kind, result = RESULTS[method]
        message = {"method": method, **({"params": params} if params else {})}
        answer = await self.context.session.send_request(
            types.ServerRequest(kind.model_validate(message)), result,
            metadata=ServerMessageMetadata(related_request_id=self.context.request_id))
        return plain(answer)

    async def tools_changed(self):
        await self.context.session.send_tool_list_changed()

    async def resource_updated(self, uri):
        if uri in SUBSCRIBED:
            await self.context.session.send_resource_updated(uri)


def plain(model):
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)


def failure(code, message, data=None):
    return McpError(types.ErrorData(code=code, message=message, data=data))


def paged(member, values, model):
    async def handler(request):
        cursor = request.params.cursor if request.params else None
        try:
            part, cursor = fixture.page(values(), cursor)
        except fixture.Invalid as error:
            raise failure(types.INVALID_PARAMS, str(error)) from None
        return types.ServerResult(
            model.model_validate({member: part, **({"nextCursor": cursor} if cursor else {})}))
    return handler


def server(tools):
    built = Server("referee-upstream", version="1.0.0", instructions="For tests only.")

    async def call(request):
        try:
            result = await tools.call(
                request.params.name, request.params.arguments or {}, Host(built.request_context))
        except fixture.Invalid as error:
            raise failure(types.INVALID_PARAMS, str(error)) from None
        return types.ServerResult(types.CallToolResult.model_validate(result))

    async def read(request):
        try:
            return types.ServerResult(types.ReadResourceResult.model_validate(
                {"contents": fixture.read(str(request.params.uri))}))
        except fixture.NotFound as error:
            raise failure(-32002, "Resource not found", {"uri": str(error)}) from None

    async def prompt(request):
        name, arguments = request.params.name, request.params.arguments or {}
        try:
            if name == "test_input_prompt":
                question = ("elicitation/create", fixture.form("What for?", fixture.NAME_FORM))
                result = await tools.ask(
                    Host(built.request_context), "user", *question, "User response")
                value = {"messages": [
                    {"role": "user", "content": part} for part in result["content"]]}
            else:
                value = fixture.prompt(name, arguments)
        except fixture.Invalid as error:
            raise failure(types.INVALID_PARAMS, str(error)) from None
        return types.ServerResult(types.GetPromptResult.model_validate(value))

    async def complete(request):
        return types.ServerResult(types.CompleteResult.model_validate(
            fixture.complete(plain(request.params.ref), plain(request.params.argument))))

    async def subscribe(request):
        SUBSCRIBED.add(str(request.params.uri))
        return types.ServerResult(types.EmptyResult())

    async def unsubscribe(request):
        SUBSCRIBED.discard(str(request.params.uri))
        return types.ServerResult(types.EmptyResult())

    async def level(request):
        return types.ServerResult(types.EmptyResult())

    built.request_handlers.update({
        types.ListToolsRequest: paged("tools", tools.definitions, types.ListToolsResult),
        types.CallToolRequest: call,
        types.ListResourcesRequest: paged(
            "resources", fixture.resources, types.ListResourcesResult),
        types.ListResourceTemplatesRequest: paged(
            "resourceTemplates", lambda: fixture.TEMPLATES, types.ListResourceTemplatesResult),
        types.ReadResourceRequest: read,
        types.SubscribeRequest: subscribe,
        types.UnsubscribeRequest: unsubscribe,
        types.ListPromptsRequest: paged(
            "prompts", lambda: fixture.PROMPTS, types.ListPromptsResult),
        types.GetPromptRequest: prompt,
        types.CompleteRequest: complete,
        types.SetLevelRequest: level,
    })
    return built


def serve_http(built, port):
    import uvicorn
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from mcp.server.transport_security import TransportSecuritySettings
    from starlette.applications import Starlette
    from starlette.routing import Mount
    manager = StreamableHTTPSessionManager(
        app=built, security_settings=TransportSecuritySettings(
            enable_dns_rebinding_protection=True, allowed_hosts=["127.0.0.1:*", "localhost:*"],
            allowed_origins=["http://127.0.0.1:*", "http://localhost:*"]))

    @contextlib.asynccontextmanager
    async def lifespan(_):
        async with manager.run():
            yield

    async def endpoint(scope, receive, send):
        if scope["path"].rstrip("/") != "/mcp":
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await manager.handle_request(scope, receive, send)

    class NoSlash:
        """Serves /mcp itself, where a mount would redirect to /mcp/."""

        def __init__(self, inner):
            self.inner = inner

        async def __call__(self, scope, receive, send):
            if scope["type"] == "http":
                await endpoint(scope, receive, send)
            else:
                await self.inner(scope, receive, send)

    app = NoSlash(Starlette(routes=[Mount("/", app=endpoint)], lifespan=lifespan))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--effects", required=True)
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    built = server(fixture.Tools(options.effects))
    # Over HTTP the SDK asks for the options itself, and would say that nothing ever changes.
    built.create_initialization_options = functools.partial(
        built.create_initialization_options, NotificationOptions(
            tools_changed=True, resources_changed=True, prompts_changed=True))
    if options.port:
        serve_http(built, options.port)
        return

    async def stdio():
        async with stdio_server() as (reader, writer):
            await built.run(reader, writer, built.create_initialization_options())
    anyio.run(stdio)


if __name__ == "__main__":
    main()
