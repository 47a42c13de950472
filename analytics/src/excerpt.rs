//! The words of a payload that a person looks for first. It is for showing only: what it does not
//! understand it passes over, and nothing is decided by it.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// What the person said last in a model request, of any dialect.
pub fn user_text(request: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(request).ok()?;
    if let Some(Value::String(text)) = body.get("input") {
        return Some(text.clone());
    }
    let turns = body.get("messages").or_else(|| body.get("input"))?.as_array()?;
    let mut users = turns.iter().rev().filter(|turn| is(turn, "role", "user"));
    users.find_map(|turn| content_text(turn.get("content")?))
}

/// What a model's answer says to the person, whole or streamed, of any dialect.
pub fn answer_text(answer: &[u8]) -> Option<String> {
    if let Ok(body) = serde_json::from_slice::<Value>(answer) {
        return whole_answer(&body);
    }
    let mut text = String::new();
    for data in frames(answer) {
        let Ok(frame) = serde_json::from_str::<Value>(data) else { continue };
        if let Some(piece) = piece(&frame) {
            text.push_str(piece);
        }
    }
    (!text.is_empty()).then_some(text)
}

/// The arguments of a tool call, as they were written but for white space; of other MCP requests
/// what names the thing asked for.
pub fn arguments_text(request: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Rpc<'a> {
        #[serde(borrow)]
        params: Params<'a>,
    }
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        arguments: Option<&'a RawValue>,
        #[serde(borrow)]
        uri: Option<&'a RawValue>,
    }
    let Rpc { params } = serde_json::from_slice(request).ok()?;
    params.arguments.or(params.uri).map(|raw| compact(raw.get()))
}

/// What a tool answered, whole or streamed: its text, else its structured content, else its error.
pub fn result_text(answer: &[u8]) -> Option<String> {
    if let Some(text) = std::str::from_utf8(answer).ok().and_then(rpc_answer) {
        return Some(text);
    }
    // Requests and notifications may come before the answer, and they are none.
    frames(answer).filter_map(rpc_answer).last()
}

fn rpc_answer(message: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Rpc<'a> {
        #[serde(borrow)]
        result: Option<&'a RawValue>,
        #[serde(borrow)]
        error: Option<&'a RawValue>,
    }
    let rpc: Rpc<'_> = serde_json::from_str(message).ok()?;
    let Some(result) = rpc.result else { return rpc.error.map(|raw| compact(raw.get())) };
    let value: Value = serde_json::from_str(result.get()).ok()?;
    let text = value.get("content").and_then(content_text);
    let structured = || value.get("structuredContent").map(Value::to_string);
    text.or_else(structured).or_else(|| Some(compact(result.get())))
}

/// The `data` of each frame of an event stream. Frames of several lines are passed over: no
/// provider writes them.
fn frames(stream: &[u8]) -> impl Iterator<Item = &str> {
    let lines = stream.split(|byte| *byte == b'\n' || *byte == b'\r');
    lines.filter_map(|line| std::str::from_utf8(line).ok()?.strip_prefix("data:")).map(str::trim)
}

fn whole_answer(body: &Value) -> Option<String> {
    let chat = body.pointer("/choices/0/message/content").and_then(content_text);
    let messages = body.get("content").and_then(content_text);
    let responses = || {
        let items = body.get("output")?.as_array()?.iter();
        let texts: Vec<String> =
            items.filter_map(|item| content_text(item.get("content")?)).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    };
    let error = || Some(body.get("error")?.get("message")?.as_str()?.to_owned());
    chat.or(messages).or_else(responses).or_else(error)
}

/// The text that one frame of a streamed answer adds.
fn piece(frame: &Value) -> Option<&str> {
    if let Some(text) = frame.pointer("/choices/0/delta/content") {
        return text.as_str();
    }
    match frame.get("type")?.as_str()? {
        "response.output_text.delta" => frame.get("delta")?.as_str(),
        "content_block_delta" => frame.pointer("/delta/text")?.as_str(),
        _ => None,
    }
}

/// The text of a message's content: a string, or the text parts of a list.
fn content_text(content: &Value) -> Option<String> {
    if let Some(text) = content.as_str() {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    let parts = content.as_array()?.iter();
    let texts: Vec<&str> =
        parts.filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

fn is(value: &Value, member: &str, text: &str) -> bool {
    value.get(member).and_then(Value::as_str) == Some(text)
}

/// JSON without the white space between its tokens, and every token as it was.
fn compact(json: &str) -> String {
    let mut inside = false;
    let mut escaped = false;
    let mut kept = String::with_capacity(json.len());
    for character in json.chars() {
        if !inside && character.is_ascii_whitespace() {
            continue;
        }
        if character == '"' && !escaped {
            inside = !inside;
        }
        escaped = inside && character == '\\' && !escaped;
        kept.push(character);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{answer_text, arguments_text, result_text, user_text};

    #[test]
    fn the_last_words_of_the_person_are_found_in_every_dialect() {
        let bodies = [
            r#"{"messages":[{"role":"user","content":"old"},{"role":"user","content":"hi"},
                {"role":"tool","content":"no"}]}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},
                {"role":"user","content":[{"type":"tool_result","content":"no"}]}]}"#,
            r#"{"input":"hi"}"#,
            r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},
                {"type":"function_call_output","output":"no"}]}"#,
        ];
        for body in bodies {
            assert_eq!(user_text(body.as_bytes()).as_deref(), Some("hi"), "{body}");
        }
        for body in ["", "[]", "{}", r#"{"messages":3}"#, r#"{"messages":[{"role":"user"}]}"#] {
            assert_eq!(user_text(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn an_answer_is_found_whole_and_streamed() {
        let bodies = [
            r#"{"choices":[{"message":{"content":"hi"}}]}"#,
            r#"{"content":[{"type":"text","text":"hi"},{"type":"tool_use"}]}"#,
            r#"{"output":[{"type":"reasoning"},{"content":[{"type":"output_text","text":"hi"}]}]}"#,
            r#"{"error":{"message":"hi"}}"#,
            "data: {\"choices\":[{\"delta\":{\"content\":\"h\"}}]}\n\n\
             data: {\"choices\":[{\"delta\":{\"content\":\"i\"}}]}\n\ndata: [DONE]\n\n",
            "event: x\r\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\r\n\r\n",
            "data:{\"type\":\"content_block_delta\",\"delta\":{\"text\":\"hi\"}}\n\n",
        ];
        for body in bodies {
            assert_eq!(answer_text(body.as_bytes()).as_deref(), Some("hi"), "{body}");
        }
    }

    #[test]
    fn arguments_and_results_are_shown_as_they_were_written() {
        let request = r#"{"params":{"name":"pay","arguments":{ "b": 1.00,
            "a": "x \" y" }}}"#;
        let expected = r#"{"b":1.00,"a":"x \" y"}"#;
        assert_eq!(arguments_text(request.as_bytes()).as_deref(), Some(expected));
        let answers = [
            (r#"{"id":1,"result":{"content":[{"type":"text","text":"paid"}]}}"#, "paid"),
            (r#"{"id":1,"result":{"structuredContent":{"a":1}}}"#, r#"{"a":1}"#),
            (r#"{"id":1,"result":{"contents": []}}"#, r#"{"contents":[]}"#),
            (r#"{"id":1,"error":{"code": -1}}"#, r#"{"code":-1}"#),
            (
                "data: {\"method\":\"notifications/progress\"}\n\n\
                 data: {\"result\":{\"content\":[{\"text\":\"paid\"}]}}\n\n",
                "paid",
            ),
        ];
        for (answer, text) in answers {
            assert_eq!(result_text(answer.as_bytes()).as_deref(), Some(text), "{answer}");
        }
    }
}
