//! What agents and models say in each dialect. Tests write messages as OpenAI's chat has them, and
//! these become bodies of any dialect here.

use events::Dialect;
use proxy::dialect::Route;
use serde_json::{Value, json};

/// A model dialect that carries conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// OpenAI's chat completions.
    Chat,
    /// Anthropic's messages.
    Messages,
    /// OpenAI's responses.
    Responses,
}

impl Wire {
    /// Every one.
    pub(crate) const ALL: [Self; 3] = [Self::Chat, Self::Messages, Self::Responses];

    pub(crate) const fn route(self) -> Route {
        match self {
            Self::Chat => Route::OpenAiChat,
            Self::Messages => Route::AnthropicMessages,
            Self::Responses => Route::OpenAiResponses,
        }
    }

    pub(crate) const fn dialect(self) -> Dialect {
        match self {
            Self::Chat | Self::Responses => Dialect::Openai,
            Self::Messages => Dialect::Anthropic,
        }
    }

    /// The body of a request with these messages.
    pub(crate) fn request(self, messages: &Value) -> Value {
        match self {
            Self::Chat => json!({"model": "m", "messages": messages}),
            Self::Messages => anthropic_request(messages),
            Self::Responses => {
                let items = messages.as_array().unwrap().iter().flat_map(items);
                json!({"model": "m", "input": items.collect::<Vec<_>>()})
            }
        }
    }

    /// The body of an answer with this message of the model.
    pub(crate) fn answer(self, id: &str, message: &Value) -> Value {
        match self {
            Self::Chat => json!({"id": id, "choices": [{"index": 0,
                "finish_reason": "stop", "message": message}]}),
            Self::Messages => json!({"id": id, "type": "message", "role": "assistant",
                "content": blocks(message), "stop_reason": "end_turn"}),
            Self::Responses => json!({"id": id, "object": "response", "status": "completed",
                "output": items(message)}),
        }
    }
}

/// Instructions stand apart, and the results of one turn are one message of the person.
fn anthropic_request(messages: &Value) -> Value {
    let mut body = json!({"model": "m", "max_tokens": 1000});
    let mut turns: Vec<Value> = Vec::new();
    let mut results = false;
    for message in messages.as_array().unwrap() {
        let told = message["role"] == "tool";
        match (message["role"].as_str().unwrap(), turns.last_mut()) {
            ("system", _) => body["system"] = message["content"].clone(),
            ("tool", Some(last)) if results => {
                last["content"].as_array_mut().unwrap().extend(blocks(message));
            }
            ("tool", _) => turns.push(json!({"role": "user", "content": blocks(message)})),
            ("assistant", _) => {
                turns.push(json!({"role": "assistant", "content": blocks(message)}));
            }
            _ => turns.push(message.clone()),
        }
        results = told;
    }
    body["messages"] = turns.into();
    body
}

/// The content of a message as Anthropic's blocks.
fn blocks(message: &Value) -> Vec<Value> {
    if message["role"] == "tool" {
        return vec![json!({"type": "tool_result", "tool_use_id": message["tool_call_id"],
            "content": message["content"]})];
    }
    let text = message["content"].as_str().filter(|text| !text.is_empty());
    let said = text.map(|text| json!({"type": "text", "text": text}));
    let calls = calls(message).map(|call| {
        let function = &call["function"];
        let arguments = function["arguments"].as_str().unwrap();
        let input: Value = serde_json::from_str(arguments).unwrap();
        json!({"type": "tool_use", "id": call["id"], "name": function["name"], "input": input})
    });
    said.into_iter().chain(calls).collect()
}

/// A message as items of OpenAI's responses.
fn items(message: &Value) -> Vec<Value> {
    if message["role"] == "tool" {
        return vec![json!({"type": "function_call_output", "call_id": message["tool_call_id"],
            "output": message["content"]})];
    }
    if message["role"] != "assistant" {
        return vec![message.clone()];
    }
    let text = message["content"].as_str().filter(|text| !text.is_empty());
    let said = text.map(|text| {
        json!({"type": "message", "role": "assistant",
            "content": [{"type": "output_text", "text": text}]})
    });
    let calls = calls(message).map(|call| {
        let function = &call["function"];
        json!({"type": "function_call", "call_id": call["id"], "name": function["name"],
            "arguments": function["arguments"]})
    });
    said.into_iter().chain(calls).collect()
}

fn calls(message: &Value) -> impl Iterator<Item = &Value> {
    message["tool_calls"].as_array().into_iter().flatten()
}

/// A message of a person.
pub(crate) fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// A model's message without any tool.
pub(crate) fn says(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

/// A model's message that asks for tools: `(id, name, arguments)`.
pub(crate) fn asks(calls: &[(&str, &str, &str)]) -> Value {
    let calls: Vec<_> = calls
        .iter()
        .map(|(id, name, arguments)| {
            json!({"id": id, "type": "function",
                "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    json!({"role": "assistant", "content": null, "tool_calls": calls})
}

/// A result as an agent tells it to the model.
pub(crate) fn told(id: &str, text: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": text})
}
