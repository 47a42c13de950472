//! OpenAI chat completions: an answer as one object or as chunks; it decides nothing.
//!
//! Source: OpenAI API reference, "Chat completions", the chat completion and chunk objects.

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::{Answer, Usage};
use crate::standin::{conversation::Call, object::set, sse::frame};

/// When everything here was created: 2024-05-15 15:00 EST, the day the recordings play on.
pub(super) const CREATED: u64 = 1_715_803_200;

/// The `chat.completion` object.
pub(super) fn whole(answer: &Answer) -> Value {
    let turn = &answer.turn;
    let mut message = json!({
        "role": "assistant",
        "content": (!turn.text.is_empty()).then_some(&turn.text),
        "refusal": null,
        "annotations": [],
    });
    if !turn.calls.is_empty() {
        set(&mut message, "tool_calls", turn.calls.iter().map(call).collect::<Value>());
    }
    let mut object = head(answer, "chat.completion");
    set(
        &mut object,
        "choices",
        json!([{
            "index": 0, "message": message, "logprobs": null, "finish_reason": finish(answer),
        }]),
    );
    set(&mut object, "usage", usage(&answer.usage));
    object
}

/// The chunks of a stream, and `[DONE]`.
///
/// With `include_usage` all chunks carry a null usage, and one more carries the real one.
pub(super) fn stream(answer: &Answer, include_usage: bool) -> Vec<Bytes> {
    let chunk = |delta: Value, finish: Option<&str>| {
        let mut object = head(answer, "chat.completion.chunk");
        set(
            &mut object,
            "choices",
            json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]),
        );
        if include_usage {
            set(&mut object, "usage", Value::Null);
        }
        frame("", &object)
    };
    let turn = &answer.turn;
    let opening = (!turn.text.is_empty()).then_some("");
    let mut frames =
        vec![chunk(json!({"role": "assistant", "content": opening, "refusal": null}), None)];
    for piece in answer.pieces(&turn.text) {
        frames.push(chunk(json!({"content": piece}), None));
    }
    for (index, asked) in turn.calls.iter().enumerate() {
        let mut opening = call(asked);
        set(&mut opening, "index", index);
        if let Some(function) = opening.get_mut("function") {
            set(function, "arguments", "");
        }
        frames.push(chunk(json!({"tool_calls": [opening]}), None));
        for piece in answer.pieces(&asked.arguments) {
            let delta = json!({"index": index, "function": {"arguments": piece}});
            frames.push(chunk(json!({"tool_calls": [delta]}), None));
        }
    }
    frames.push(chunk(json!({}), Some(finish(answer))));
    if include_usage {
        let mut last = head(answer, "chat.completion.chunk");
        set(&mut last, "choices", json!([]));
        set(&mut last, "usage", usage(&answer.usage));
        frames.push(frame("", &last));
    }
    frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
    frames
}

fn head(answer: &Answer, object: &str) -> Value {
    json!({
        "id": answer.id("chatcmpl-", 29),
        "object": object,
        "created": CREATED,
        "model": answer.model,
        "service_tier": "default",
        "system_fingerprint": "fp_standin",
    })
}

fn call(call: &Call) -> Value {
    json!({"id": call.id, "type": "function",
        "function": {"name": call.name, "arguments": call.arguments}})
}

fn finish(answer: &Answer) -> &'static str {
    if answer.turn.calls.is_empty() { "stop" } else { "tool_calls" }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.total(),
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
    })
}
