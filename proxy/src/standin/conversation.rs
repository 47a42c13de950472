//! What was said so far, in one form for all model dialects, and its digest; it knows no recording.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::object::{list, text};

/// The SHA-256 of a conversation or of a tool call in canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Lower-case hexadecimal, 64 characters.
    pub fn hex(&self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
            text
        })
    }
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The instructions; OpenAI also says `developer`.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool that reports its result.
    Tool,
}

/// A tool that the model asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The id that the result refers to.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// The arguments as JSON text, exactly as the model wrote them.
    pub arguments: String,
}

impl Call {
    /// The arguments as a value; text that is no JSON becomes a string.
    pub fn arguments_value(&self) -> Value {
        serde_json::from_str(&self.arguments).unwrap_or_else(|_| self.arguments.as_str().into())
    }
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who says it.
    pub role: Role,
    /// The text; empty if there is none.
    pub text: String,
    /// The tools that an assistant asks for.
    pub calls: Vec<Call>,
}

impl Turn {
    /// Something said without asking for a tool.
    pub fn said(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), calls: Vec::new() }
    }
}

/// The digest of a conversation: role, text and tool calls of each turn in order.
///
/// The texts of tool results and all ids are left out, so that a conversation is found again
/// when a tool answers otherwise than it did in the recording, and in every dialect.
pub fn digest(turns: &[Turn]) -> Digest {
    let mut hash = Sha256::new();
    for turn in turns {
        hash.update([turn.role as u8]);
        if turn.role != Role::Tool {
            part(&mut hash, &turn.text);
        }
        for call in &turn.calls {
            part(&mut hash, &call.name);
            part(&mut hash, &canonical(&call.arguments_value()));
        }
    }
    Digest(hash.finalize().into())
}

/// The digest of a tool call: its name and its arguments with sorted keys.
pub fn call_digest(name: &str, arguments: &Value) -> Digest {
    let mut hash = Sha256::new();
    part(&mut hash, name);
    part(&mut hash, &canonical(arguments));
    Digest(hash.finalize().into())
}

/// Length first, so that no two lists of parts give the same bytes.
fn part(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_be_bytes());
    hash.update(text);
}

/// JSON with sorted keys and no spaces; `serde_json` bounds the depth of what it parsed at 128.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(key, _)| *key);
            let members: Vec<_> = members
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// Reads the `messages` of an OpenAI chat completion request.
pub fn from_chat(body: &Value) -> Vec<Turn> {
    list(body, "/messages")
        .iter()
        .map(|message| {
            let calls = list(message, "/tool_calls")
                .iter()
                .map(|call| Call {
                    id: text(call, "/id").into(),
                    name: text(call, "/function/name").into(),
                    arguments: text(call, "/function/arguments").into(),
                })
                .collect();
            Turn { role: role(message), text: words(message.get("content")), calls }
        })
        .collect()
}

/// Reads the `instructions` and `input` of an OpenAI responses request.
///
/// A tool call is an item of its own there; it joins the turn of the assistant before it.
pub fn from_responses(body: &Value) -> Vec<Turn> {
    let mut turns = Vec::new();
    if let Some(instructions) = body.get("instructions").and_then(Value::as_str) {
        turns.push(Turn::said(Role::System, instructions));
    }
    if let Some(input) = body.get("input").and_then(Value::as_str) {
        turns.push(Turn::said(Role::User, input));
    }
    for item in list(body, "/input") {
        match item.get("type").and_then(Value::as_str) {
            Some("function_call") => {
                let call = Call {
                    id: text(item, "/call_id").into(),
                    name: text(item, "/name").into(),
                    arguments: text(item, "/arguments").into(),
                };
                match turns.last_mut() {
                    Some(last) if last.role == Role::Assistant => last.calls.push(call),
                    _ => turns.push(Turn {
                        role: Role::Assistant,
                        text: String::new(),
                        calls: vec![call],
                    }),
                }
            }
            Some("function_call_output") => turns.push(Turn::said(Role::Tool, "")),
            Some("message") | None => {
                turns.push(Turn::said(role(item), words(item.get("content"))));
            }
            Some(_) => {} // reasoning and other items say nothing that a recording holds
        }
    }
    turns
}

/// Reads the `system` and `messages` of an Anthropic request.
///
/// A user message may hold tool results; each becomes a turn of its own before the text.
pub fn from_messages(body: &Value) -> Vec<Turn> {
    let mut turns = Vec::new();
    let system = words(body.get("system"));
    if !system.is_empty() {
        turns.push(Turn::said(Role::System, system));
    }
    for message in list(body, "/messages") {
        let mut calls = Vec::new();
        let mut results = 0;
        for block in list(message, "/content") {
            match block.get("type").and_then(Value::as_str) {
                Some("tool_use") => calls.push(Call {
                    id: text(block, "/id").into(),
                    name: text(block, "/name").into(),
                    arguments: block.get("input").map(Value::to_string).unwrap_or_default(),
                }),
                Some("tool_result") => results += 1,
                _ => {}
            }
        }
        turns.extend((0..results).map(|_| Turn::said(Role::Tool, "")));
        let text = words(message.get("content"));
        if results == 0 || !text.is_empty() {
            turns.push(Turn { role: role(message), text, calls });
        }
    }
    turns
}

fn role(message: &Value) -> Role {
    match message.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Role::System,
        Some("assistant") => Role::Assistant,
        Some("tool" | "function") => Role::Tool,
        _ => Role::User,
    }
}

/// What a content says: a string, or the `text` of its parts one after the other.
fn words(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(words)) => words.clone(),
        Some(Value::Array(parts)) => parts.iter().map(|part| text(part, "/text")).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_conversation_has_one_digest_in_all_three_dialects() {
        let chat = from_chat(&json!({"messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Cancel it."},
            {"role": "assistant", "content": "At once.", "tool_calls": [
                {"id": "a", "type": "function", "function":
                    {"name": "cancel", "arguments": "{\"b\": 1, \"a\": [true]}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "done"},
            {"role": "user", "content": "Thanks."}]}));
        let responses = from_responses(&json!({"instructions": "Be kind.", "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Cancel it."}]},
            {"type": "message", "role": "assistant",
                "content": [{"type": "output_text", "text": "At once."}]},
            {"type": "function_call", "call_id": "b", "name": "cancel",
                "arguments": "{\"a\":[true],\"b\":1}"},
            {"type": "function_call_output", "call_id": "b", "output": "another result"},
            {"role": "user", "content": "Thanks."}]}));
        let messages = from_messages(&json!({
            "system": [{"type": "text", "text": "Be kind."}], "messages": [
            {"role": "user", "content": "Cancel it."},
            {"role": "assistant", "content": [
                {"type": "text", "text": "At once."},
                {"type": "tool_use", "id": "c", "name": "cancel",
                    "input": {"b": 1, "a": [true]}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": "gone"},
                {"type": "text", "text": "Thanks."}]}]}));
        assert_eq!(chat.len(), 5);
        assert_eq!(digest(&chat), digest(&responses));
        assert_eq!(digest(&chat), digest(&messages));
        assert_ne!(digest(&chat), digest(&chat[..4]));
    }

    #[test]
    fn moving_text_between_turns_changes_the_digest() {
        let one = [Turn::said(Role::User, "ab"), Turn::said(Role::User, "c")];
        let other = [Turn::said(Role::User, "a"), Turn::said(Role::User, "bc")];
        assert_ne!(digest(&one), digest(&other));
    }
}
