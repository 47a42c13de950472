"""Drives an Anthropic endpoint that leads to provider.py with the Anthropic Python SDK.

run anthropic_client.py --url http://127.0.0.1:8080 --key KEY [--dead-model NAME]
"""

import argparse
import asyncio
import sys

import anthropic
import httpx2

from client_steps import equal, options_of, raises, run_steps, same_bytes
from provider_anthropic import THOUGHT, USAGE

MODEL = "claude-test"
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}
NAMES = ["get_weather", "get_forecast"]
TOOLS = [{"name": name, "description": "About the sky", "input_schema": SCHEMA} for name in NAMES]
ARGUMENTS = {"city": "Zürich", "days": 7}


def user(text):
    """A conversation of one message."""
    return [{"role": "user", "content": text}]


def said(text):
    """What the provider answers to this text."""
    return f"You said: {text}"


def message_of(error):
    """The text that an error answer has for people; fails if it is not an error of the dialect."""
    assert isinstance(error.body, dict) and error.body.get("type") == "error", (
        f"not an Anthropic error: {error.body!r}"
    )
    message = error.body["error"]["message"]
    assert message, f"no message for people in {error.body!r}"
    return message


class Steps:
    """What the client must be able to do; one method for each thing."""

    def __init__(self, options):
        self.options = options
        self.settings = {"base_url": options.url, "max_retries": 0, "timeout": 30}
        self.client = anthropic.Anthropic(api_key=options.key, **self.settings)

    def ask(self, text, **more):
        """Asks for a message."""
        return self.client.messages.create(
            **{"model": MODEL, "max_tokens": 500, "messages": user(text), **more}
        )

    def step_message(self):
        answer = self.ask("hello — ünïcödé ☃")
        equal(answer.content[0].text, said("hello — ünïcödé ☃"))
        equal(answer.stop_reason, "end_turn")
        equal(answer.usage.cache_read_input_tokens, USAGE["cache_read_input_tokens"])
        equal(answer.usage.output_tokens, USAGE["output_tokens"])
        equal(answer.model_extra["x_provider"], {"kept": True})

    def step_bearer(self):
        bearer = anthropic.Anthropic(api_key=None, auth_token=self.options.key, **self.settings)
        answer = bearer.messages.create(
            model=MODEL, max_tokens=10, messages=user("with a bearer token")
        )
        equal(answer.content[0].text, said("with a bearer token"))

    def step_stream(self):
        events = list(self.ask("hello", stream=True))
        kinds = [event.type for event in events]
        equal((kinds[0], kinds[-2], kinds[-1]), ("message_start", "message_delta", "message_stop"))
        texts = [event.delta.text for event in events if event.type == "content_block_delta"]
        equal("".join(texts), said("hello"))
        equal(events[0].message.usage.cache_read_input_tokens, USAGE["cache_read_input_tokens"])
        equal(events[-2].usage.output_tokens, USAGE["output_tokens"])

    def step_stream_thinking(self):
        thinking = {"type": "enabled", "budget_tokens": 1024}
        with self.client.messages.stream(
            model=MODEL, max_tokens=2000, messages=user("hm"), thinking=thinking
        ) as stream:
            final = stream.get_final_message()
        equal([block.type for block in final.content], ["thinking", "text"])
        equal((final.content[0].thinking, final.content[0].signature), (THOUGHT, "c2lnbmVk"))
        equal(final.content[1].text, said("hm"))

    def step_tools(self):
        answer = self.ask("weather?", tools=TOOLS)
        equal(answer.stop_reason, "tool_use")
        uses = [block for block in answer.content if block.type == "tool_use"]
        equal([(use.name, use.input) for use in uses], [(name, ARGUMENTS) for name in NAMES])
        results = [
            {"type": "tool_result", "tool_use_id": use.id, "content": f"{at} degrees"}
            for at, use in enumerate(uses)
        ]
        turns = [
            *user("weather?"),
            {
                "role": "assistant",
                "content": [block.model_dump(exclude_none=True) for block in answer.content],
            },
            {"role": "user", "content": results},
        ]
        final = self.ask("", messages=turns, tools=TOOLS)
        equal(final.content[0].text, "The tools said: 0 degrees, 1 degrees")

    def step_stream_tools(self):
        with self.client.messages.stream(
            model=MODEL, max_tokens=500, messages=user("weather?"), tools=TOOLS
        ) as stream:
            final = stream.get_final_message()
        uses = [block for block in final.content if block.type == "tool_use"]
        equal([(use.name, use.input) for use in uses], [(name, ARGUMENTS) for name in NAMES])
        assert uses[0].id != uses[1].id, "both calls have the same id"
        equal(final.stop_reason, "tool_use")

    def step_bytes(self):
        if not self.options.provider:
            return "skipped: no --provider was given"
        headers = {"x-api-key": self.options.key, "anthropic-version": "2023-06-01"}
        call = {"max_tokens": 9, "messages": user("bytes — ☃"), "x_agent": None, "model": MODEL}
        same_bytes(self.options, "/v1/messages", headers, call)
        same_bytes(self.options, "/v1/messages", headers, {"stream": True, "tools": TOOLS, **call})
        return None

    def step_models(self):
        names = [model.id for model in self.client.models.list()]
        assert MODEL in names, f"`{MODEL}` is not among {names}"

    async def step_parallel(self):
        async with anthropic.AsyncAnthropic(api_key=self.options.key, **self.settings) as client:

            async def ask(number):
                turns = user(f"number {number}")
                answer = await client.messages.create(model=MODEL, max_tokens=10, messages=turns)
                return answer.content[0].text

            equal(
                await asyncio.gather(*map(ask, range(32))),
                [said(f"number {number}") for number in range(32)],
            )

    def step_broken(self):
        # This SDK lets the transport's own error through when a stream breaks off.
        raises((anthropic.APIError, httpx2.HTTPError), lambda: list(self.ask("break", stream=True)))
        raises(anthropic.APIError, lambda: self.ask("break"))

    def step_overloaded_stream(self):
        error = raises(anthropic.APIStatusError, lambda: list(self.ask("overload", stream=True)))
        equal(message_of(error), "Overloaded")

    def step_upstream_errors(self):
        kinds = {
            400: anthropic.BadRequestError,
            429: anthropic.RateLimitError,
            529: anthropic.InternalServerError,
        }
        for status, kind in kinds.items():
            error = raises(kind, lambda status=status: self.ask(f"status {status}"))
            equal((error.status_code, message_of(error)), (status, "as asked"))

    def step_unknown_model(self):
        error = raises(anthropic.APIStatusError, lambda: self.ask("hi", model="no-such-model"))
        assert isinstance(error, (anthropic.NotFoundError, anthropic.BadRequestError)), repr(error)
        message_of(error)

    def step_malformed(self):
        message_of(
            raises(
                anthropic.BadRequestError,
                lambda: self.client.post("/v1/messages", cast_to=object, content=b"{"),
            )
        )

    def step_bad_key(self):
        for key in ["not-a-key", self.options.key + "x"]:
            stranger = anthropic.Anthropic(api_key=key, **self.settings)
            self.rejected(stranger)

    @staticmethod
    def rejected(stranger):
        """Fails unless this client is told that its key is wrong."""
        turn = {"model": MODEL, "max_tokens": 10, "messages": user("hi")}
        error = raises(anthropic.AuthenticationError, lambda: stranger.messages.create(**turn))
        equal(error.status_code, 401)
        message_of(error)
        raises(anthropic.AuthenticationError, lambda: list(stranger.models.list()))

    def step_dead_upstream(self):
        name = self.options.dead_model
        if not name:
            return "skipped: no --dead-model was given"
        error = raises(anthropic.APIStatusError, lambda: self.ask("hi", model=name))
        assert error.status_code >= 500, f"expected a 5xx status, found {error.status_code}"
        message_of(error)
        raises(anthropic.APIStatusError, lambda: list(self.ask("hi", model=name, stream=True)))
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
