//! Anthropic messages: an answer as one object or as events; it decides nothing.
//!
//! Source: Anthropic API reference, "Messages" and "Streaming messages".

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::{Answer, Usage};
use crate::standin::{object::set, sse::frame};

/// The `message` object.
pub(super) fn whole(answer: &Answer) -> Value {
    let turn = &answer.turn;
    let mut content = Vec::new();
    if !turn.text.is_empty() {
        content.push(json!({"type": "text", "text": turn.text}));
    }
    content.extend(turn.calls.iter().map(|call| {
        let input = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        json!({"type": "tool_use", "id": call.id, "name": call.name, "input": input})
    }));
    object(answer, &content, Some(finish(answer)), &usage(&answer.usage, answer.usage.output))
}

/// The events from `message_start` to `message_stop`.
pub(super) fn stream(answer: &Answer) -> Vec<Bytes> {
    let begun = object(answer, &[], None, &usage(&answer.usage, 1));
    let mut frames =
        vec![event("message_start", json!({"message": begun})), event("ping", json!({}))];
    let turn = &answer.turn;
    let mut index = 0;
    if !turn.text.is_empty() {
        let pieces = answer.pieces(&turn.text).into_iter();
        let deltas = pieces.map(|piece| json!({"type": "text_delta", "text": piece}));
        block(&mut frames, index, &json!({"type": "text", "text": ""}), deltas);
        index += 1;
    }
    for call in &turn.calls {
        let opening = json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
        let pieces = answer.pieces(&call.arguments).into_iter();
        let deltas = pieces.map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
        block(&mut frames, index, &opening, deltas);
        index += 1;
    }
    let delta = json!({"stop_reason": finish(answer), "stop_sequence": null});
    let used = json!({"output_tokens": answer.usage.output});
    frames.push(event("message_delta", json!({"delta": delta, "usage": used})));
    frames.push(event("message_stop", json!({})));
    frames
}

fn block(
    frames: &mut Vec<Bytes>,
    index: usize,
    opening: &Value,
    deltas: impl Iterator<Item = Value>,
) {
    let start = json!({"index": index, "content_block": opening});
    frames.push(event("content_block_start", start));
    frames.extend(
        deltas.map(|delta| event("content_block_delta", json!({"index": index, "delta": delta}))),
    );
    frames.push(event("content_block_stop", json!({"index": index})));
}

fn event(name: &str, mut data: Value) -> Bytes {
    set(&mut data, "type", name);
    frame(name, &data)
}

fn object(answer: &Answer, content: &[Value], finish: Option<&str>, usage: &Value) -> Value {
    json!({
        "id": answer.id("msg_", 24), "type": "message", "role": "assistant",
        "model": answer.model, "content": content, "stop_reason": finish,
        "stop_sequence": null, "usage": usage,
    })
}

fn finish(answer: &Answer) -> &'static str {
    if answer.turn.calls.is_empty() { "end_turn" } else { "tool_use" }
}

/// Anthropic counts cached tokens beside the others, not among them.
fn usage(usage: &Usage, output: usize) -> Value {
    json!({
        "input_tokens": usage.input.saturating_sub(usage.cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": output,
        "service_tier": "standard",
    })
}
