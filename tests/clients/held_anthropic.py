"""Asks a model through the Anthropic Python SDK as it comes, and again where that is asked for.

run held_anthropic.py --url http://127.0.0.1:8080 --key KEY [--stream]
"""

import asyncio
import json
import sys

import anthropic

from held import insist, parser_of

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"name": "get_weather", "description": "About the sky", "input_schema": SCHEMA}]


def text_of(block):
    """What a block says, or which tool it calls."""
    if block.type == "tool_use":
        return f"{block.name}({json.dumps(block.input, sort_keys=True)})"
    return getattr(block, "text", "")


async def ask(client, options):
    """The text of a message."""
    messages = [{"role": "user", "content": options.text}]
    call = {"model": options.model, "max_tokens": 500, "messages": messages}
    if options.tools:
        call["tools"] = TOOLS
    if options.stream:
        async with client.messages.stream(**call) as stream:
            answer = await stream.get_final_message()
    else:
        answer = await client.messages.create(**call)
    return "".join(map(text_of, answer.content)), None


async def main():
    """Asks."""
    parser = parser_of(__doc__)
    parser.add_argument("--model", default="claude-test")
    parser.add_argument("--text", default="hello", help="what the model is asked")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--tools", action="store_true", help="offers a tool")
    options = parser.parse_args()
    # Time-outs and retries stay as they come.
    async with anthropic.AsyncAnthropic(api_key=options.key, base_url=options.url) as client:
        await insist(options, lambda: ask(client, options))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
