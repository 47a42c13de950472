"""Calls a tool through the MCP Python SDK as it comes, and again where that is asked for.

run held_mcp.py --url http://127.0.0.1:8080/mcp/fixture --key KEY --mode auto \
    --tool add_numbers --arguments '{"a": 1, "b": 2}'
"""

import asyncio
import json
import sys

import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from held import insist, parser_of


async def accept(_context, params):
    """Somebody who goes along with whatever the server asks, and says on stderr what that was."""
    print(f"asked: {params.message}", file=sys.stderr, flush=True)
    return types.ElicitResult(action="accept", content={})


async def main():
    """Calls."""
    parser = parser_of(__doc__)
    parser.add_argument("--mode", default="auto", choices=["auto", "legacy", "2026-07-28"])
    parser.add_argument("--tool", required=True)
    parser.add_argument("--arguments", default="{}", type=json.loads)
    parser.add_argument("--elicits", action="store_true", help="says that a person can be asked")
    options = parser.parse_args()
    headers = {"Authorization": f"Bearer {options.key}"}
    more = {"elicitation_callback": accept} if options.elicits else {}
    # Time-outs stay as they come.
    async with create_mcp_http_client(headers=headers) as http:
        transport = streamable_http_client(options.url, http_client=http)
        async with Client(transport, mode=options.mode, **more) as client:

            async def call():
                result = await client.call_tool(options.tool, options.arguments)
                blocks = [block.text for block in result.content if block.type == "text"]
                fault = {"kind": "isError", "status": None, "body": result.structured_content}
                return "\n".join(blocks), fault if result.is_error else None

            await insist(options, call)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
