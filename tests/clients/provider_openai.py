"""What the stand-in provider answers in the OpenAI dialect: canned and deterministic.

An answer is a plain dict (JSON) or a list of events (a stream). What it says depends on the request
alone: tools offered and not yet used -> it calls each tool once, in parallel; tool results given ->
it repeats them; otherwise -> it says `You said: ...`. Shapes follow the public API reference of
chat completions, responses and embeddings.
"""

import base64
import hashlib
import json
import struct

CREATED = 1_700_000_000
MODELS = ["gpt-test", "gpt-test-mini", "text-embedding-test"]
# Counts with every detail set, so that a reader who confuses two of them is found out.
CHAT_USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 70,
    "total_tokens": 1270,
    "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 48,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}
RESPONSES_USAGE = {
    "input_tokens": 1200,
    "input_tokens_details": {"cached_tokens": 1024},
    "output_tokens": 70,
    "output_tokens_details": {"reasoning_tokens": 48},
    "total_tokens": 1270,
}


def digest(request):
    """Twenty hexadecimal digits that depend on the request."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:20]


def fragments(text, size=7):
    """The text in pieces, as a model would stream it; at least one."""
    return [text[start : start + size] for start in range(0, len(text), size)] or [""]


def plain(content):
    """The text of a message's content, which may be a string, a list of parts or nothing."""
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return content or ""


def example_arguments(schema):
    """Arguments that fit a tool's schema: each property gets a value of its type."""
    values = {
        "string": "Zürich",
        "number": 1.5,
        "integer": 7,
        "boolean": True,
        "array": [],
        "object": {},
    }
    properties = schema.get("properties", {})
    return {name: values[field.get("type", "string")] for name, field in properties.items()}


def error(status, message, code, kind="invalid_request_error"):
    """An error answer: its status and its body."""
    return status, {"error": {"message": message, "type": kind, "param": None, "code": code}}


def models():
    """The answer to GET /v1/models."""
    return {"object": "list", "data": [model(name) for name in MODELS]}


def model(name):
    """One entry of the list of models."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "countersign-tests"}


def chat(request):
    """The answer to POST /v1/chat/completions: a dict, or a list of events if a stream was asked
    for.
    """
    head = {
        "id": f"chatcmpl-{digest(request)}",
        "created": CREATED,
        "model": f"{request['model']}-2026-01-01",
        "service_tier": "default",
        "system_fingerprint": "fp_countersign",
    }
    text, calls = chat_turn(request)
    if request.get("stream"):
        return chat_stream(request, head, text, calls)
    message = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    if calls:
        message["tool_calls"] = calls
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": "tool_calls" if calls else "stop",
    }
    # A field that no client knows: whoever passes the answer on must keep it.
    return {
        **head,
        "object": "chat.completion",
        "choices": [choice],
        "usage": CHAT_USAGE,
        "x_provider": {"kept": True},
    }


def chat_turn(request):
    """What the model says next: a text and no calls, or calls and no text."""
    last = request["messages"][-1]
    results = [plain(each["content"]) for each in request["messages"] if each["role"] == "tool"]
    if last["role"] == "tool":
        return f"The tools said: {', '.join(results)}", []
    if not request.get("tools"):
        return f"You said: {plain(last['content'])}", []
    calls = []
    for number, tool in enumerate(request["tools"]):
        function = tool["function"]
        arguments = json.dumps(
            example_arguments(function.get("parameters", {})), ensure_ascii=False
        )
        calls.append(
            {
                "id": f"call_{digest(request)}{number}",
                "type": "function",
                "function": {"name": function["name"], "arguments": arguments},
            }
        )
    return None, calls


def chat_stream(request, head, text, calls):
    """The events of a streamed chat completion, `[DONE]` included."""
    with_usage = (request.get("stream_options") or {}).get("include_usage", False)
    head = {**head, "object": "chat.completion.chunk", **({"usage": None} if with_usage else {})}

    def chunk(delta, finish=None):
        return {
            **head,
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
        }

    events = [chunk({"role": "assistant", "content": None if calls else "", "refusal": None})]
    for number, call in enumerate(calls):
        opening = {
            **call,
            "index": number,
            "function": {"name": call["function"]["name"], "arguments": ""},
        }
        events.append(chunk({"tool_calls": [opening]}))
        for piece in fragments(call["function"]["arguments"]):
            events.append(
                chunk({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
            )
    if not calls:
        events += [chunk({"content": piece}) for piece in fragments(text)]
    events.append(chunk({}, "tool_calls" if calls else "stop"))
    if with_usage:
        events.append({**head, "choices": [], "usage": CHAT_USAGE})
    return [("", event) for event in events] + [("", "[DONE]")]


def responses(request):
    """The answer to POST /v1/responses: a dict, or a list of events if a stream was asked for."""
    given = request["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    results = [item["output"] for item in items if item.get("type") == "function_call_output"]
    if results:
        output = [message_item(request, f"The tools said: {', '.join(results)}")]
    elif request.get("tools"):
        output = [call_item(request, number, tool) for number, tool in enumerate(request["tools"])]
    else:
        output = [message_item(request, f"You said: {plain(items[-1]['content'])}")]
    reasoning = {"type": "reasoning", "id": f"rs_{digest(request)}", "summary": []}
    done = response_object(request, "completed", [reasoning, *output], RESPONSES_USAGE)
    return responses_stream(request, done) if request.get("stream") else done


def response_object(request, status, output, usage):
    """A response as it stands at one moment."""
    return {
        "id": f"resp_{digest(request)}",
        "object": "response",
        "created_at": CREATED,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "max_output_tokens": None,
        "model": f"{request['model']}-2026-01-01",
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": "medium", "summary": None},
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": request.get("tools", []),
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "metadata": {},
    }


def message_item(request, text):
    """A finished message of the model."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {
        "type": "message",
        "id": f"msg_{digest(request)}",
        "status": "completed",
        "role": "assistant",
        "content": [part],
    }


def call_item(request, number, tool):
    """A finished function call of the model."""
    arguments = example_arguments(tool.get("parameters") or {})
    return {
        "type": "function_call",
        "id": f"fc_{digest(request)}{number}",
        "call_id": f"call_{digest(request)}{number}",
        "name": tool["name"],
        "arguments": json.dumps(arguments, ensure_ascii=False),
        "status": "completed",
    }


def responses_stream(request, done):
    """The events of a streamed response."""
    opening = response_object(request, "in_progress", [], None)
    events = [
        ("response.created", {"response": opening}),
        ("response.in_progress", {"response": opening}),
    ]
    for index, item in enumerate(done["output"]):
        where = {"output_index": index, "item_id": item["id"]}
        started = {**item, "status": "in_progress"}
        if item["type"] == "message":
            part = item["content"][0]
            inner = {**where, "content_index": 0}
            empty = {**part, "text": ""}
            events.append(
                (
                    "response.output_item.added",
                    {"output_index": index, "item": {**started, "content": []}},
                )
            )
            events.append(("response.content_part.added", {**inner, "part": empty}))
            for piece in fragments(part["text"]):
                events.append(
                    ("response.output_text.delta", {**inner, "delta": piece, "logprobs": []})
                )
            events.append(
                ("response.output_text.done", {**inner, "text": part["text"], "logprobs": []})
            )
            events.append(("response.content_part.done", {**inner, "part": part}))
        elif item["type"] == "function_call":
            events.append(
                (
                    "response.output_item.added",
                    {"output_index": index, "item": {**started, "arguments": ""}},
                )
            )
            for piece in fragments(item["arguments"]):
                events.append(("response.function_call_arguments.delta", {**where, "delta": piece}))
            finished = {**where, "name": item["name"], "arguments": item["arguments"]}
            events.append(("response.function_call_arguments.done", finished))
        else:
            events.append(("response.output_item.added", {"output_index": index, "item": item}))
        events.append(("response.output_item.done", {"output_index": index, "item": item}))
    events.append(("response.completed", {"response": done}))
    return [
        (kind, {"type": kind, "sequence_number": at, **body})
        for at, (kind, body) in enumerate(events)
    ]


def embeddings(request):
    """The answer to POST /v1/embeddings; the vectors are 0.5, 0.25 and the input's number."""
    inputs = request["input"] if isinstance(request["input"], list) else [request["input"]]
    vectors = [[0.5, 0.25, float(number)] for number in range(len(inputs))]
    if request.get("encoding_format") == "base64":
        vectors = [
            base64.b64encode(struct.pack(f"<{len(each)}f", *each)).decode() for each in vectors
        ]
    data = [
        {"object": "embedding", "index": at, "embedding": vector}
        for at, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": 8 * len(inputs), "total_tokens": 8 * len(inputs)}
    return {"object": "list", "data": data, "model": request["model"], "usage": usage}
