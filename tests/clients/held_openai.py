"""Asks a model through the OpenAI Python SDK as it comes, and again where that is asked for.

run held_openai.py --url http://127.0.0.1:8080 --key KEY [--api responses] [--stream]
"""

import asyncio
import sys

import openai

from held import insist, parser_of

TOOLS = ["get_weather"]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}


def chat_text(choice):
    """What a message says, or which tools it calls."""
    calls = [each.function for each in choice.tool_calls or []]
    said = choice.content or ""
    return said + "".join(f"{call.name}({call.arguments})" for call in calls)


async def chat(client, options):
    """The text of a chat completion."""
    tools = [{"type": "function", "function": {"name": n, "parameters": PARAMETERS}} for n in TOOLS]
    more = {"tools": tools} if options.tools else {}
    messages = [{"role": "user", "content": options.text}]
    if not options.stream:
        answer = await client.chat.completions.create(
            model=options.model, messages=messages, **more
        )
        return chat_text(answer.choices[0].message), None
    async with client.chat.completions.stream(
        model=options.model, messages=messages, **more
    ) as stream:
        answer = await stream.get_final_completion()
    return chat_text(answer.choices[0].message), None


async def responses(client, options):
    """The text of a response."""
    tools = [{"type": "function", "name": n, "parameters": PARAMETERS} for n in TOOLS]
    more = {"tools": tools} if options.tools else {}
    if not options.stream:
        answer = await client.responses.create(model=options.model, input=options.text, **more)
    else:
        async with client.responses.stream(
            model=options.model, input=options.text, **more
        ) as stream:
            answer = await stream.get_final_response()
    calls = [item for item in answer.output if item.type == "function_call"]
    return answer.output_text + "".join(f"{each.name}({each.arguments})" for each in calls), None


async def main():
    """Asks."""
    parser = parser_of(__doc__)
    parser.add_argument("--model", default="gpt-test")
    parser.add_argument("--text", default="hello", help="what the model is asked")
    parser.add_argument("--api", default="chat", choices=["chat", "responses"])
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--tools", action="store_true", help="offers a tool")
    options = parser.parse_args()
    ask = chat if options.api == "chat" else responses
    # Time-outs and retries stay as they come.
    async with openai.AsyncOpenAI(api_key=options.key, base_url=f"{options.url}/v1") as client:
        await insist(options, lambda: ask(client, options))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
