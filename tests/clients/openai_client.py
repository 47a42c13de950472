"""Drives an OpenAI endpoint that leads to provider.py with the OpenAI Python SDK.

run openai_client.py --url http://127.0.0.1:8080 --key KEY [--dead-model NAME]
"""

import argparse
import asyncio
import base64
import json
import struct
import sys

import openai

from client_steps import equal, options_of, raises, run_steps, same_bytes
from provider_openai import CHAT_USAGE, RESPONSES_USAGE

MODEL = "gpt-test"
EMBEDDING = "text-embedding-test"
PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
NAMES = ["get_weather", "get_forecast"]
CHAT_TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in NAMES
]
RESPONSES_TOOLS = [
    {"type": "function", "name": name, "parameters": PARAMETERS, "strict": False} for name in NAMES
]
ARGUMENTS = {"city": "Zürich", "days": 7}


def user(text):
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


def said(text):
    """What the provider answers to this text."""
    return f"You said: {text}"


def explained(error):
    """Fails unless the error answer has a message for people."""
    body = error.body
    assert isinstance(body, dict) and body.get("message"), f"no message for people in {body!r}"


class Steps:
    """What the client must be able to do; one method for each thing."""

    def __init__(self, options):
        self.options = options
        self.settings = {"base_url": f"{options.url}/v1", "max_retries": 0, "timeout": 30}
        self.client = openai.OpenAI(api_key=options.key, **self.settings)

    def chat(self, text, **more):
        """Asks for a chat completion."""
        return self.client.chat.completions.create(model=MODEL, messages=user(text), **more)

    def step_chat(self):
        answer = self.chat("hello — ünïcödé ☃")
        equal(answer.choices[0].message.content, said("hello — ünïcödé ☃"))
        equal(answer.choices[0].finish_reason, "stop")
        equal(answer.usage.prompt_tokens_details.cached_tokens, 1024)
        equal(answer.usage.completion_tokens_details.reasoning_tokens, 48)
        equal(answer.model_extra["x_provider"], {"kept": True})

    def step_raw_headers(self):
        raw = self.client.chat.completions.with_raw_response.create(
            model=MODEL, messages=user("hi")
        )
        equal(raw.headers["content-type"].split(";")[0], "application/json")
        equal(json.loads(raw.content)["x_provider"], {"kept": True})

    def step_chat_stream(self):
        chunks = list(self.chat("hello", stream=True))
        equal("".join(chunk.choices[0].delta.content or "" for chunk in chunks), said("hello"))
        equal(chunks[-1].choices[0].finish_reason, "stop")
        equal([chunk.usage for chunk in chunks if chunk.usage], [])

    def step_chat_stream_usage(self):
        chunks = list(self.chat("hello", stream=True, stream_options={"include_usage": True}))
        equal(chunks[-1].choices, [])
        equal(chunks[-1].usage.total_tokens, CHAT_USAGE["total_tokens"])
        equal([chunk.usage for chunk in chunks[:-1] if chunk.usage], [])

    def step_chat_tools(self):
        answer = self.chat("weather?", tools=CHAT_TOOLS)
        equal(answer.choices[0].finish_reason, "tool_calls")
        calls = answer.choices[0].message.tool_calls
        equal([call.function.name for call in calls], NAMES)
        equal([json.loads(call.function.arguments) for call in calls], [ARGUMENTS, ARGUMENTS])
        results = [
            {"role": "tool", "tool_call_id": call.id, "content": f"{at} degrees"}
            for at, call in enumerate(calls)
        ]
        history = [
            *user("weather?"),
            answer.choices[0].message.model_dump(exclude_none=True),
            *results,
        ]
        final = self.client.chat.completions.create(model=MODEL, messages=history, tools=CHAT_TOOLS)
        equal(final.choices[0].message.content, "The tools said: 0 degrees, 1 degrees")

    def step_chat_stream_tools(self):
        with self.client.chat.completions.stream(
            model=MODEL, messages=user("weather?"), tools=CHAT_TOOLS
        ) as stream:
            for _ in stream:
                pass
            message = stream.get_final_completion().choices[0].message
        equal([call.function.name for call in message.tool_calls], NAMES)
        equal(
            [json.loads(call.function.arguments) for call in message.tool_calls],
            [ARGUMENTS, ARGUMENTS],
        )
        assert message.tool_calls[0].id != message.tool_calls[1].id, "both calls have the same id"

    def step_responses(self):
        answer = self.client.responses.create(model=MODEL, input="hello")
        equal(answer.output_text, said("hello"))
        equal(answer.status, "completed")
        equal(answer.usage.input_tokens_details.cached_tokens, 1024)
        equal(answer.usage.output_tokens_details.reasoning_tokens, 48)

    def step_responses_stream(self):
        events = list(self.client.responses.create(model=MODEL, input="hello", stream=True))
        equal([event.sequence_number for event in events], list(range(len(events))))
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        equal("".join(deltas), said("hello"))
        equal(events[0].type, "response.created")
        equal(events[-1].type, "response.completed")
        equal(events[-1].response.usage.total_tokens, RESPONSES_USAGE["total_tokens"])

    def step_responses_tools(self):
        answer = self.client.responses.create(
            model=MODEL, input=user("weather?"), tools=RESPONSES_TOOLS
        )
        calls = [item for item in answer.output if item.type == "function_call"]
        equal(
            [(call.name, json.loads(call.arguments)) for call in calls],
            [(name, ARGUMENTS) for name in NAMES],
        )
        results = [
            {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}
            for call in calls
        ]
        turns = [
            *user("weather?"),
            *(item.model_dump(exclude_none=True) for item in answer.output),
            *results,
        ]
        final = self.client.responses.create(model=MODEL, input=turns, tools=RESPONSES_TOOLS)
        equal(final.output_text, "The tools said: sunny, sunny")

    def step_responses_stream_tools(self):
        with self.client.responses.stream(
            model=MODEL, input="weather?", tools=RESPONSES_TOOLS
        ) as stream:
            kinds = [event.type for event in stream]
            final = stream.get_final_response()
        assert "response.function_call_arguments.delta" in kinds, (
            f"no arguments were streamed: {kinds}"
        )
        calls = [item for item in final.output if item.type == "function_call"]
        equal([json.loads(call.arguments) for call in calls], [ARGUMENTS, ARGUMENTS])

    def step_embeddings(self):
        answer = self.client.embeddings.create(model=EMBEDDING, input=["a", "b"])
        equal([each.embedding for each in answer.data], [[0.5, 0.25, 0.0], [0.5, 0.25, 1.0]])
        coded = self.client.embeddings.create(model=EMBEDDING, input="a", encoding_format="base64")
        equal(struct.unpack("<3f", base64.b64decode(coded.data[0].embedding)), (0.5, 0.25, 0.0))
        equal(answer.usage.total_tokens, 16)

    def step_bytes(self):
        if not self.options.provider:
            return "skipped: no --provider was given"
        headers = {"authorization": f"Bearer {self.options.key}"}
        call = {"temperature": 1.50, "messages": user("b — ☃"), "x_agent": None, "model": MODEL}
        same_bytes(self.options, "/v1/chat/completions", headers, call)
        same_bytes(self.options, "/v1/chat/completions", headers, {**call, "stream": True})
        same_bytes(self.options, "/v1/responses", headers, {"model": MODEL, "input": "bytes"})
        streamed = {"stream": True, "model": MODEL, "input": "bytes", "tools": RESPONSES_TOOLS}
        same_bytes(self.options, "/v1/responses", headers, streamed)
        same_bytes(self.options, "/v1/embeddings", headers, {"input": "x", "model": EMBEDDING})
        return None

    def step_models(self):
        names = [model.id for model in self.client.models.list()]
        assert MODEL in names, f"`{MODEL}` is not among {names}"

    async def step_parallel(self):
        async with openai.AsyncOpenAI(api_key=self.options.key, **self.settings) as client:

            async def ask(number):
                answer = await client.chat.completions.create(
                    model=MODEL, messages=user(f"number {number}")
                )
                return answer.choices[0].message.content

            equal(
                await asyncio.gather(*map(ask, range(32))),
                [said(f"number {number}") for number in range(32)],
            )

    async def step_abandoned_stream(self):
        async with openai.AsyncOpenAI(api_key=self.options.key, **self.settings) as client:
            text = "word " * 5000
            stream = await client.chat.completions.create(
                model=MODEL, messages=user(text), stream=True
            )
            async for _ in stream:
                break
            await stream.close()
            answer = await client.chat.completions.create(
                model=MODEL, messages=user("still there?")
            )
            equal(answer.choices[0].message.content, said("still there?"))

    def step_broken(self):
        raises(openai.APIError, lambda: list(self.chat("break", stream=True)))
        raises(openai.APIError, lambda: self.chat("break"))

    def step_upstream_errors(self):
        kinds = {
            400: openai.BadRequestError,
            429: openai.RateLimitError,
            500: openai.InternalServerError,
        }
        for status, kind in kinds.items():
            error = raises(kind, lambda status=status: self.chat(f"status {status}"))
            equal((error.status_code, error.code), (status, "as_asked"))

    def step_unknown_model(self):
        ask = self.client.chat.completions.create
        error = raises(
            openai.APIStatusError, lambda: ask(model="no-such-model", messages=user("hi"))
        )
        assert isinstance(error, (openai.NotFoundError, openai.BadRequestError)), repr(error)
        explained(error)

    def step_malformed(self):
        error = raises(
            openai.BadRequestError,
            lambda: self.client.post("/chat/completions", cast_to=object, content=b"{"),
        )
        explained(error)

    def step_bad_key(self):
        for key in ["not-a-key", self.options.key + "x"]:
            stranger = openai.OpenAI(api_key=key, **self.settings)
            self.rejected(stranger)

    @staticmethod
    def rejected(stranger):
        """Fails unless this client is told that its key is wrong."""
        ask = stranger.chat.completions.create
        error = raises(openai.AuthenticationError, lambda: ask(model=MODEL, messages=user("hi")))
        equal(error.status_code, 401)
        explained(error)
        raises(openai.AuthenticationError, lambda: list(stranger.models.list()))

    def step_dead_upstream(self):
        name = self.options.dead_model
        if not name:
            return "skipped: no --dead-model was given"
        ask = self.client.chat.completions.create
        error = raises(openai.APIStatusError, lambda: ask(model=name, messages=user("hi")))
        assert error.status_code >= 500, f"expected a 5xx status, found {error.status_code}"
        explained(error)
        raises(
            openai.APIStatusError, lambda: list(ask(model=name, messages=user("hi"), stream=True))
        )
        return None


def main():
    """Runs the steps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dead-model", default="", help="a model whose provider cannot be reached")
    parser.add_argument("--provider", default="", help="where provider.py itself listens")
    options = options_of(parser)
    return asyncio.run(run_steps(Steps(options), options.skip))


if __name__ == "__main__":
    sys.exit(main())
