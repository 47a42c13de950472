"""What the stand-in provider answers in the Anthropic dialect: canned and deterministic.

It decides what to say as provider_openai.py does. Shapes follow the public API reference of
messages and models.
"""

import json

from provider_openai import digest, example_arguments, fragments, plain

MODELS = ["claude-test", "claude-test-mini"]
USAGE = {
    "input_tokens": 12,
    "cache_creation_input_tokens": 164,
    "cache_read_input_tokens": 1024,
    "cache_creation": {"ephemeral_5m_input_tokens": 164, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 70,
    "service_tier": "standard",
}
THOUGHT = "The person wants an answer."


def error(status, message, kind):
    """An error answer: its status and its body."""
    return status, {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": "req_countersign",
    }


def models():
    """The answer to GET /v1/models."""
    return {
        "data": [model(name) for name in MODELS],
        "has_more": False,
        "first_id": MODELS[0],
        "last_id": MODELS[-1],
    }


def model(name):
    """One entry of the list of models."""
    return {
        "type": "model",
        "id": name,
        "display_name": name.title(),
        "created_at": "2026-01-01T00:00:00Z",
    }


def messages(request):
    """The answer to POST /v1/messages: a dict, or a list of events if a stream was asked for."""
    content = turn(request)
    calls = any(block["type"] == "tool_use" for block in content)
    done = {
        "id": f"msg_{digest(request)}",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": content,
        "stop_reason": "tool_use" if calls else "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
        # A field that no client knows: whoever passes the answer on must keep it.
        "x_provider": {"kept": True},
    }
    return stream(done) if request.get("stream") else done


def turn(request):
    """The blocks that the model says next."""
    last = request["messages"][-1]["content"]
    parts = last if isinstance(last, list) else []
    results = [plain(part["content"]) for part in parts if part["type"] == "tool_result"]
    if results:
        return [{"type": "text", "text": f"The tools said: {', '.join(results)}"}]
    if request.get("tools"):
        uses = [
            {
                "type": "tool_use",
                "id": f"toolu_{digest(request)}{number}",
                "name": tool["name"],
                "input": example_arguments(tool["input_schema"]),
            }
            for number, tool in enumerate(request["tools"])
        ]
        return [{"type": "text", "text": "I'll look that up."}, *uses]
    text = {"type": "text", "text": f"You said: {plain(last)}"}
    if (request.get("thinking") or {}).get("type") == "enabled":
        return [{"type": "thinking", "thinking": THOUGHT, "signature": "c2lnbmVk"}, text]
    return [text]


def deltas(block):
    """The block as it starts, and the deltas that complete it."""
    if block["type"] == "text":
        return {**block, "text": ""}, [
            {"type": "text_delta", "text": piece} for piece in fragments(block["text"])
        ]
    if block["type"] == "thinking":
        thoughts = [
            {"type": "thinking_delta", "thinking": piece} for piece in fragments(block["thinking"])
        ]
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return {**block, "thinking": "", "signature": ""}, [*thoughts, signed]
    written = json.dumps(block["input"], ensure_ascii=False)
    pieces = ["", *fragments(written)]
    return {**block, "input": {}}, [
        {"type": "input_json_delta", "partial_json": piece} for piece in pieces
    ]


def stream(done):
    """The events of a streamed message. Usage comes in two parts, as the real ones send it."""
    opening = {**done, "content": [], "stop_reason": None, "usage": {**USAGE, "output_tokens": 1}}
    events = [{"type": "message_start", "message": opening}]
    for index, block in enumerate(done["content"]):
        started, changes = deltas(block)
        events.append({"type": "content_block_start", "index": index, "content_block": started})
        if index == 0:
            events.append({"type": "ping"})
        events += [
            {"type": "content_block_delta", "index": index, "delta": change} for change in changes
        ]
        events.append({"type": "content_block_stop", "index": index})
    ending = {"stop_reason": done["stop_reason"], "stop_sequence": None}
    events.append(
        {
            "type": "message_delta",
            "delta": ending,
            "usage": {"output_tokens": USAGE["output_tokens"]},
        }
    )
    events.append({"type": "message_stop"})
    return [(event["type"], event) for event in events]
