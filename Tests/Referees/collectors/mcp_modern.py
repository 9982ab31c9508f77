#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server of the era 2026-07-28, with the official SDK `mcp` 2.x, for the MCP collector.

Used like mcp_legacy.py.
"""
import socket
import sys

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

sys.path.insert(0, sys.argv[1])
import mcp_definitions as definitions  # noqa: E402

FILE = sys.argv[2]


def listing(member, model):
    async def handler(ctx, params):
        part, rest = definitions.page(FILE, member, params.cursor if params else None)
        return model.model_validate({member: part, **({"nextCursor": rest} if rest else {})})
    return handler


async def call(ctx, params):
    definitions.called(FILE)
    return types.CallToolResult(content=[])


def build():
    known = definitions.load(FILE)
    return Server(
        known["name"], version=known["version"], instructions=known["instructions"],
        on_list_tools=listing("tools", types.ListToolsResult), on_call_tool=call,
        on_list_prompts=listing("prompts", types.ListPromptsResult),
        on_list_resources=listing("resources", types.ListResourcesResult),
        on_list_resource_templates=listing(
            "resourceTemplates", types.ListResourceTemplatesResult))


def serve_http(built):
    import uvicorn
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(built.streamable_http_app(), log_level="error")
    uvicorn.Server(config).run(sockets=[listener])


async def serve_lines(built):
    async with stdio_server() as (reader, writer):
        await built.run(reader, writer, built.create_initialization_options())


if "--http" in sys.argv:
    serve_http(build())
else:
    anyio.run(serve_lines, build())
