"""Calls a tool through the MCP Python SDK that gets its own token: all it knows is the URL of the
tool server, and who it is to whoever issues tokens for that.

run oauth_mcp.py --url http://127.0.0.1:8080/mcp --tool read --client agent --secret SECRET \
    --issuer http://127.0.0.1:3000

It says on standard output, as one line of JSON, what the tool said, and the scope of each token
that it got.
"""

import argparse
import asyncio
import json
import sys

from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


class Storage:
    """Keeps tokens for as long as the process lasts."""

    def __init__(self):
        self.tokens, self.client, self.scopes = None, None, []

    async def get_tokens(self):
        """The last token."""
        return self.tokens

    async def set_tokens(self, tokens):
        """Another token."""
        self.tokens = tokens
        self.scopes.append(tokens.scope or "")

    async def get_client_info(self):
        """Who the client is."""
        return self.client

    async def set_client_info(self, client_info):
        """Who the client is from now on."""
        self.client = client_info


async def main():
    """Calls."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("url", "tool", "client", "secret", "issuer"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--mode", default="auto", choices=["auto", "legacy", "2026-07-28"])
    options = parser.parse_args()
    storage = Storage()
    provider = ClientCredentialsOAuthProvider(
        server_url=options.url,
        storage=storage,
        client_id=options.client,
        client_secret=options.secret,
        issuer=options.issuer,
    )
    async with create_mcp_http_client(auth=provider) as http:
        transport = streamable_http_client(options.url, http_client=http)
        async with Client(transport, mode=options.mode) as client:
            result = await client.call_tool(options.tool, {})
            print(json.dumps({"text": result.content[0].text, "scopes": storage.scopes}))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
