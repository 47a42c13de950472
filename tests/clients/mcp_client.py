"""Drives an MCP endpoint that leads to the fixture with the Python SDK, in either era.

run mcp_client.py --url http://127.0.0.1:8080/mcp/fixture --key KEY --mode auto
run mcp_client.py --url http://127.0.0.1:8080/mcp --key KEY --mode legacy --prefix fixture__
"""

import argparse
import asyncio
import json
import sys
import uuid
import warnings
from contextlib import asynccontextmanager

import anyio
import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPDeprecationWarning, MCPError

from client_steps import equal, options_of, run_steps

warnings.simplefilter("ignore", MCPDeprecationWarning)

# How long a step waits for something to happen, in seconds.
PATIENCE = 10
# What the SDK is expected to settle on. The fixture speaks both eras, so `auto` must find the
# modern one.
NEGOTIATED = {"auto": "2026-07-28", "2026-07-28": "2026-07-28", "legacy": "2025-11-25"}


async def fill_form(_context, params):
    """Answers a form as the scripted person does."""
    if "decline" in params.message:
        return types.ElicitResult(action="decline")
    values = {
        "response": "as asked",
        "context": "as asked",
        "name": "Ada",
        "color": "blue",
        "ok": True,
    }
    asked = params.requested_schema["properties"]
    return types.ElicitResult(
        action="accept", content={key: values[key] for key in asked if key in values}
    )


async def sample(_context, params):
    """Answers as the scripted model does."""
    content = params.messages[0].content
    block = content[0] if isinstance(content, list) else content
    reply = types.TextContent(type="text", text=f"re: {block.text}")
    return types.CreateMessageResult(role="assistant", model="scripted", content=reply)


async def list_roots(_context):
    """The one root of the scripted client."""
    return types.ListRootsResult(roots=[types.Root(uri="file:///project", name="project")])


def text_of(result):
    """The text of a result's first block."""
    return result.content[0].text


async def eventually(description, holds):
    """Waits until `holds()` is true, or fails with this description."""
    with anyio.move_on_after(PATIENCE):
        while not await holds():
            await anyio.sleep(0.02)
        return
    raise AssertionError(f"waited {PATIENCE} s for: {description}")


async def refused(awaitable, what):
    """Passes when the call raises a protocol error or its result says that it is an error."""
    try:
        result = await awaitable
    except MCPError:
        return
    assert getattr(result, "is_error", False), f"{what} was accepted"


class Heard:
    """What the server told this client without being asked: log lines, and every other message."""

    def __init__(self):
        self.logs = []
        self.messages = []

    async def log(self, params):
        """Keeps a log line."""
        self.logs.append(params.data)

    async def message(self, message):
        """Keeps a message."""
        self.messages.append(message)


class Steps:
    """What the client must be able to do; one method for each thing."""

    def __init__(self, client, options, heard):
        self.client = client
        self.options = options
        self.heard = heard
        self.modern = NEGOTIATED[options.mode] == "2026-07-28"

    def tool(self, name):
        """The name under which the endpoint offers the fixture's tool or prompt."""
        return self.options.prefix + name

    async def call(self, name, arguments=None, **more):
        """Calls one of the fixture's tools."""
        return await self.client.call_tool(self.tool(name), arguments or {}, **more)

    async def step_era(self):
        equal(self.client.protocol_version, NEGOTIATED[self.options.mode])

    async def step_tools(self):
        tools = (await self.client.list_tools()).tools
        names = [tool.name for tool in tools]
        equal(len(set(names)), len(names))
        for name in ["test_simple_text", "add_numbers", "json_schema_2020_12_tool"]:
            assert self.tool(name) in names, f"tool `{self.tool(name)}` is not among {names}"
        schema = next(
            tool for tool in tools if tool.name.endswith("json_schema_2020_12_tool")
        ).input_schema
        equal(schema["$defs"]["address"]["$anchor"], "addressDef")
        equal(schema["if"]["properties"], {"contactMethod": {"const": "phone"}})

    async def step_content(self):
        equal(
            text_of(await self.call("test_simple_text")),
            "This is a simple text response for testing.",
        )
        mixed = await self.call("test_multiple_content_types")
        equal([block.type for block in mixed.content], ["text", "image", "resource"])
        total = await self.call("add_numbers", {"a": 2, "b": 40.5})
        equal(total.structured_content, {"sum": 42.5})

    async def step_parallel(self):
        calls = [self.call("add_numbers", {"a": number, "b": 1000}) for number in range(16)]
        sums = [result.structured_content["sum"] for result in await asyncio.gather(*calls)]
        equal(sums, [number + 1000 for number in range(16)])

    async def step_errors(self):
        failed = await self.call("test_error_handling")
        equal(failed.is_error, True)
        equal(text_of(failed), "This tool intentionally returns an error for testing")
        await refused(self.call("add_numbers", {"a": "two", "b": 1}), "a wrong argument")
        await refused(self.call("no_such_tool"), "an unknown tool")
        await refused(self.client.get_prompt(self.tool("no_such_prompt")), "an unknown prompt")
        await refused(self.client.read_resource("test://no-such-resource"), "an unknown resource")

    async def step_progress(self):
        seen = []

        async def note(progress, total, _message):
            seen.append((progress, total))

        await self.call("test_tool_with_progress", progress_callback=note)
        equal(seen, [(0, 100), (50, 100), (100, 100)])

    async def step_logs(self):
        if not self.modern:
            await self.client.set_logging_level("info")
        meta = {"io.modelcontextprotocol/logLevel": "info"} if self.modern else None
        await self.call("test_tool_with_logging", meta=meta)

        async def three():
            return len(self.heard.logs) >= 3

        await eventually("three log lines", three)
        equal(
            self.heard.logs,
            ["Tool execution started", "Tool processing data", "Tool execution completed"],
        )

    async def step_resources(self):
        uris = [str(resource.uri) for resource in (await self.client.list_resources()).resources]
        static = next((uri for uri in uris if uri.endswith("static-text")), None)
        assert static, f"no static-text among {uris}"
        read = await self.client.read_resource(static)
        equal(read.contents[0].text, "This is the content of the static text resource.")
        template = (await self.client.list_resource_templates()).resource_templates[0]
        read = await self.client.read_resource(template.uri_template.replace("{id}", "123"))
        equal(json.loads(read.contents[0].text)["id"], "123")

    async def step_prompts(self):
        name = self.tool("test_prompt_with_arguments")
        prompts = [prompt.name for prompt in (await self.client.list_prompts()).prompts]
        assert name in prompts, f"prompt `{name}` is not among {prompts}"
        got = await self.client.get_prompt(name, {"arg1": "x", "arg2": "y"})
        equal(got.messages[0].content.text, "Prompt with arguments: arg1='x', arg2='y'")
        reference = types.PromptReference(type="ref/prompt", name=name)
        completed = await self.client.complete(reference, {"name": "arg1", "value": "par"})
        equal(completed.completion.values, ["paris", "park", "party"])

    async def step_elicitation(self):
        accepted = await self.call("test_elicitation", {"message": "please accept"})
        equal(text_of(accepted), 'User response: action=accept, content={"response":"as asked"}')
        declined = await self.call("test_elicitation", {"message": "please decline"})
        equal(text_of(declined), "User response: action=decline, content={}")

    async def step_sampling(self):
        equal(
            text_of(await self.call("test_sampling", {"prompt": "who?"})), "LLM response: re: who?"
        )

    async def step_roots(self):
        equal(
            text_of(await self.call("test_input_required_result_list_roots")),
            "roots: file:///project",
        )

    async def step_rounds(self):
        equal(text_of(await self.call("test_input_required_result_multi_round")), "Ada likes blue")
        equal(text_of(await self.call("test_input_required_result_request_state")), "state-ok")
        three = await self.call("test_input_required_result_multiple_inputs")
        equal(text_of(three), "elicit, sampling, roots")
        prompt = await self.client.get_prompt(self.tool("test_input_required_result_prompt"))
        equal(prompt.messages[0].content.text, "Use this context: as asked")

    async def step_cancellation(self):
        key = str(uuid.uuid4())
        with anyio.CancelScope() as scope:

            async def stop(_progress, _total, _message):
                scope.cancel()

            await self.call("wait_for_cancel", {"key": key}, progress_callback=stop)
        assert scope.cancelled_caught, "a cancelled call was answered"

        async def told():
            return text_of(await self.call("was_cancelled", {"key": key})) == "true"

        await eventually("the server to be told of the cancellation", told)

    async def step_changes(self):
        if not self.modern:
            await self.call("test_trigger_tool_change")

            async def announced():
                return types.ToolListChangedNotification in map(type, self.heard.messages)

            await eventually("notifications/tools/list_changed", announced)
            return
        async with self.client.listen(tools_list_changed=True) as subscription:
            await self.call("test_trigger_tool_change")
            with anyio.fail_after(PATIENCE):
                async for event in subscription:
                    equal(type(event).__name__, "ToolsListChanged")
                    break

    async def step_resumption(self):
        if self.modern:
            return "skipped: modern streams cannot be resumed"
        result = await self.call("test_reconnection", read_timeout_seconds=PATIENCE)
        equal(text_of(result), "Reconnection test completed successfully")
        return None

    async def step_strangers(self):
        if not self.options.key:
            return "skipped: no key was given"
        statuses = []
        try:
            async with connected(self.options, "not-a-key", Heard(), statuses) as stranger:
                await stranger.list_tools()
        except (MCPError, BaseExceptionGroup):
            # The SDK does not tell its caller the status, so it is read off the connection.
            equal(set(statuses), {401})
            return None
        raise AssertionError("a wrong key was accepted")


@asynccontextmanager
async def connected(options, key, heard, statuses=None):
    """A client that has negotiated with the endpoint; `statuses` gets the HTTP status of every
    response.
    """

    async def note(response):
        if statuses is not None:
            statuses.append(response.status_code)

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    hooks = {"response": [note]}
    async with httpx2.AsyncClient(
        headers=headers, timeout=httpx2.Timeout(30, read=300), event_hooks=hooks
    ) as http:
        client = Client(
            streamable_http_client(options.url, http_client=http),
            mode=options.mode,
            read_timeout_seconds=30,
            elicitation_callback=fill_form,
            sampling_callback=sample,
            list_roots_callback=list_roots,
            logging_callback=heard.log,
            message_handler=heard.message,
        )
        async with client:
            yield client


async def main():
    """Connects and runs the steps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mode", default="auto", choices=sorted(NEGOTIATED))
    parser.add_argument(
        "--prefix", default="", help="what comes before the names of tools and prompts"
    )
    options = options_of(parser)
    heard = Heard()
    async with connected(options, options.key, heard) as client:
        return await run_steps(Steps(client, options, heard), options.skip)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
