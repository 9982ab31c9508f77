#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server of the era 2025-11-25, with the official SDK `mcp` 1.x, for the MCP collector.

    mcp_legacy.py FOLDER FILE          over standard input and output; FOLDER is that of this script
    mcp_legacy.py FOLDER FILE --http   over HTTP; prints its port
"""
import contextlib
import socket
import sys

import anyio
import mcp.types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

sys.path.insert(0, sys.argv[1])
import mcp_definitions as definitions  # noqa: E402

FILE = sys.argv[2]


def listing(member, model):
    async def handler(request):
        cursor = request.params.cursor if request.params else None
        part, rest = definitions.page(FILE, member, cursor)
        return types.ServerResult(
            model.model_validate({member: part, **({"nextCursor": rest} if rest else {})}))
    return handler


async def call(request):
    definitions.called(FILE)
    return types.ServerResult(types.CallToolResult(content=[]))


def build():
    known = definitions.load(FILE)
    built = Server(known["name"], version=known["version"], instructions=known["instructions"])
    built.request_handlers.update({
        types.ListToolsRequest: listing("tools", types.ListToolsResult),
        types.CallToolRequest: call,
        types.ListPromptsRequest: listing("prompts", types.ListPromptsResult),
        types.ListResourcesRequest: listing("resources", types.ListResourcesResult),
        types.ListResourceTemplatesRequest: listing(
            "resourceTemplates", types.ListResourceTemplatesResult),
    })
    return built


def serve_http(built):
    import uvicorn
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    manager = StreamableHTTPSessionManager(app=built)

    class App:
        """The endpoint, whatever the path."""

        def __init__(self):
            self.stack = contextlib.AsyncExitStack()

        async def __call__(self, scope, receive, send):
            if scope["type"] != "lifespan":
                return await manager.handle_request(scope, receive, send)
            await receive()
            async with manager.run():
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(App(), log_level="error")).run(sockets=[listener])


async def serve_lines(built):
    async with stdio_server() as (reader, writer):
        await built.run(reader, writer, built.create_initialization_options())


if "--http" in sys.argv:
    serve_http(build())
else:
    anyio.run(serve_lines, build())
