//! OpenAI responses: an answer as one object or as events; it keeps nothing between requests.
//!
//! Source: OpenAI API reference, "Responses" and "Streaming events".

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    answer::{Answer, Usage},
    chat::CREATED,
};
use crate::standin::{
    object::{set, text},
    sse::frame,
};

/// The `response` object, completed.
pub(super) fn whole(answer: &Answer) -> Value {
    object(answer, "completed", &items(answer), Some(&usage(&answer.usage)))
}

/// The events from `response.created` to `response.completed`.
pub(super) fn stream(answer: &Answer) -> Vec<Bytes> {
    let mut events = Events::default();
    let begun = object(answer, "in_progress", &[], None);
    events.push("response.created", json!({"response": begun}));
    events.push("response.in_progress", json!({"response": begun}));
    for (index, item) in items(answer).into_iter().enumerate() {
        let mut opening = item.clone();
        set(&mut opening, "status", "in_progress");
        let is_message = text(&item, "/type") == "message";
        if is_message {
            set(&mut opening, "content", json!([]));
        } else {
            set(&mut opening, "arguments", "");
        }
        let added = json!({"output_index": index, "item": opening});
        events.push("response.output_item.added", added);
        if is_message {
            say(&mut events, answer, index, &item);
        } else {
            ask(&mut events, answer, index, &item);
        }
        events.push("response.output_item.done", json!({"output_index": index, "item": item}));
    }
    events.push("response.completed", json!({"response": whole(answer)}));
    events.frames
}

/// Events numbered in the order of the stream.
#[derive(Default)]
struct Events {
    frames: Vec<Bytes>,
}

impl Events {
    fn push(&mut self, name: &str, mut event: Value) {
        set(&mut event, "type", name);
        set(&mut event, "sequence_number", self.frames.len());
        self.frames.push(frame(name, &event));
    }
}

fn say(events: &mut Events, answer: &Answer, index: usize, item: &Value) {
    let event = |key: &str, value: Option<Value>| {
        let mut event =
            json!({"item_id": text(item, "/id"), "output_index": index, "content_index": 0});
        set(&mut event, key, value);
        event
    };
    let opening = json!({"type": "output_text", "text": "", "annotations": [], "logprobs": []});
    events.push("response.content_part.added", event("part", Some(opening)));
    for piece in answer.pieces(&answer.turn.text) {
        let mut delta = event("delta", Some(piece.into()));
        set(&mut delta, "logprobs", json!([]));
        events.push("response.output_text.delta", delta);
    }
    let mut done = event("text", Some(answer.turn.text.as_str().into()));
    set(&mut done, "logprobs", json!([]));
    events.push("response.output_text.done", done);
    events.push("response.content_part.done", event("part", item.pointer("/content/0").cloned()));
}

fn ask(events: &mut Events, answer: &Answer, index: usize, item: &Value) {
    let name = "response.function_call_arguments";
    for piece in answer.pieces(text(item, "/arguments")) {
        let event = json!({"item_id": text(item, "/id"), "output_index": index, "delta": piece});
        events.push(&format!("{name}.delta"), event);
    }
    let done = json!({"item_id": text(item, "/id"), "output_index": index,
        "name": text(item, "/name"), "arguments": text(item, "/arguments")});
    events.push(&format!("{name}.done"), done);
}

fn items(answer: &Answer) -> Vec<Value> {
    let turn = &answer.turn;
    let mut items = Vec::new();
    if !turn.text.is_empty() {
        items.push(json!({
            "type": "message", "id": answer.id("msg_", 48), "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": turn.text, "annotations": [],
                "logprobs": []}],
        }));
    }
    items.extend(turn.calls.iter().enumerate().map(|(index, call)| {
        json!({
            "type": "function_call", "id": format!("{}{index:02}", answer.id("fc_", 46)),
            "status": "completed", "call_id": call.id, "name": call.name,
            "arguments": call.arguments,
        })
    }));
    items
}

fn object(answer: &Answer, status: &str, output: &[Value], usage: Option<&Value>) -> Value {
    json!({
        "id": answer.id("resp_", 48), "object": "response", "created_at": CREATED,
        "status": status, "error": null, "incomplete_details": null, "instructions": null,
        "max_output_tokens": null, "model": answer.model, "output": output,
        "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null}, "store": false, "temperature": 1.0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "usage": usage, "metadata": {},
    })
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total(),
    })
}
