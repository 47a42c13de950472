//! Chat completions, read in every shape that servers and clients write.

use super::super::*;
use std::borrow::Cow;

const REQUEST: &str = r#" {
  "messages": [
    {"role": "system", "content": "Be \"brief\"."},
    {"role": "user", "content": [{"type": "text", "text": "Book it"},
      {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
    {"role": "assistant", "content": null, "refusal": null, "annotations": [], "tool_calls": [
      {"id": "call_1", "type": "function", "function": {"name": "book", "arguments": "{\"seat\":\"3A\"}"}},
      {"id": "call_2", "type": "custom", "custom": {"name": "grep", "input": "a.*b"}}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "booked"},
    {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]}
  ],
  "model": "gpt-4o", "stream": true, "stream_options": {"include_usage": true},
  "tools": [{"type": "function", "function": {"name": "book", "parameters": {}}},
    {"type": "custom", "custom": {"name": "grep"}}],
  "temperature": 0.5, "top_p": 1, "max_completion_tokens": 100, "seed": -7, "n": 1,
  "metadata": {"session_id": "s-1", "other": 5}, "user": "u-1", "prompt_cache_key": "k-1", "unknown": [1]
} "#;

fn ask(body: &str) -> Request<'_> {
    read_request(Route::OpenAiChat, body.as_bytes()).unwrap()
}

fn refusal(body: &str) -> String {
    read_request(Route::OpenAiChat, body.as_bytes()).unwrap_err().to_string()
}

fn answer(body: &str) -> Answer {
    read_answer(Route::OpenAiChat, body.as_bytes())
}

fn stream(chunks: &[&str]) -> (Vec<Step>, Answer) {
    let mut reader = StreamReader::new(Route::OpenAiChat, 1 << 20);
    let steps = chunks.iter().map(|data| reader.read(None, data)).collect();
    (steps, reader.finish())
}

#[test]
fn a_request_is_read_with_its_conversation_tools_hints_and_settings() {
    let request = ask(REQUEST);
    assert_eq!(request.model, "gpt-4o");
    assert!(request.stream && request.include_usage);
    assert_eq!(request.tools, ["book", "grep"]);
    let roles: Vec<_> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::Tool, Role::Tool]);
    assert!(matches!(&request.turns[0].parts[..], [Part::Text(text)] if text == "Be \"brief\"."));
    assert!(matches!(&request.turns[1].parts[..], [Part::Text(_), Part::Other(_)]));
    let calls: Vec<_> = request.prior_calls().cloned().collect();
    let seat = ToolCall::new("call_1".into(), "book".into(), r#"{"seat":"3A"}"#.into());
    let grep = ToolCall::new("call_2".into(), "grep".into(), "a.*b".into());
    assert_eq!(calls, [seat, grep]);
    let results: Vec<_> = request.tool_results().map(|r| (&*r.call_id, &*r.text)).collect();
    assert_eq!(results, [("call_1", "booked"), ("call_2", "one two")]);
    assert_eq!(request.hints.session, Some(Cow::Borrowed("s-1")));
    assert_eq!(request.hints.user, Some(Cow::Borrowed("u-1")));
    assert_eq!(request.hints.cache_key, Some(Cow::Borrowed("k-1")));
    assert_eq!(request.hints.previous_answer, None);
    let expected = Parameters {
        temperature: Some(0.5),
        top_p: Some(1.0),
        top_k: None,
        max_tokens: Some(100),
        seed: Some(-7),
        choices: Some(1),
    };
    assert_eq!(request.parameters, expected);
}

#[test]
fn the_pieces_of_a_request_are_the_json_of_its_turns_and_tools() {
    let request = ask(REQUEST);
    let pieces: Vec<_> = request.pieces().into_iter().map(|piece| &REQUEST[piece]).collect();
    assert_eq!(pieces.len(), 6);
    assert_eq!(pieces[3], r#"{"role": "tool", "tool_call_id": "call_1", "content": "booked"}"#);
    assert!(pieces[5].starts_with(r#"[{"type": "function""#), "{}", pieces[5]);
    for piece in pieces {
        serde_json::from_str::<serde_json::Value>(piece).unwrap();
    }
}

#[test]
fn a_request_that_is_not_a_chat_completion_is_refused_with_the_reason() {
    let table = [
        ("[]", "the body must be an object, and is a list"),
        ("", "the body must be an object, and is empty"),
        (r#"{"model":"m"#, "the body must be a JSON object, and is not readable"),
        (r#"{"messages":[]}"#, "`model` must be the name of a model, and is missing"),
        (r#"{"messages":[],"model":""}"#, "`model` must be the name of a model, and is empty"),
        (r#"{"messages":[],"model":7}"#, "`model` must be a string, and is a number"),
        (r#"{"model":"m"}"#, "`messages` must be a list, and is missing"),
        (r#"{"model":"m","messages":{}}"#, "`messages` must be a list, and is an object"),
        (
            r#"{"model":"m","messages":[],"stream":"yes"}"#,
            "`stream` must be true or false, and is a string",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":5},{"role":1}]}"#,
            "`messages[0].content` must be a string or a list of parts, and is a number \
             (and 1 more like it)",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":[]}]}]}"#,
            "`messages[0].content[0].text` must be a string, and is a list",
        ),
        (
            r#"{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"c"}]}]}"#,
            "`messages[0].tool_calls[0].function` must be an object, and is missing",
        ),
    ];
    for (body, reason) in table {
        assert_eq!(refusal(body), reason, "{body}");
    }
    let error = read_request(Route::OpenAiChat, b"{\"model\":\"\xff\"}").unwrap_err();
    assert_eq!(error.to_string(), "the body is not UTF-8 at byte 10");
}

#[test]
fn what_the_api_may_add_one_day_is_no_reason_to_refuse() {
    let request = ask(
        r#"{"model":"m","metadata":{"session_id":7},"tools":[{"google_search":{}}],"messages":[
        {"role":"narrator","content":[{"type":"hologram"}],"tool_calls":[{"id":"c","type":"teleport","teleport":{"to":"x"}}]}]}"#,
    );
    assert_eq!(request.turns[0].role, Role::Other);
    assert!(matches!(&request.turns[0].parts[..], [Part::Other(_), Part::Other(_)]));
    assert!(request.tools.is_empty() && request.hints.session.is_none());
}

#[test]
fn a_whole_answer_is_read() {
    let answer = answer(
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06",
        "choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[
          {"id":"call_1","type":"function","function":{"name":"book","arguments":"{}"}}],"refusal":null},
          "logprobs":null,"finish_reason":"tool_calls"}],
        "usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,
          "prompt_tokens_details":{"cached_tokens":64,"audio_tokens":0},
          "completion_tokens_details":{"reasoning_tokens":12}},
        "service_tier":"default","system_fingerprint":"fp"}"#,
    );
    assert_eq!(answer.id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(answer.model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(answer.finish_reasons, ["tool_calls"]);
    assert_eq!(answer.service_tier.as_deref(), Some("default"));
    let usage = Usage {
        input_tokens: Some(100),
        output_tokens: Some(20),
        cached_input_tokens: Some(64),
        reasoning_tokens: Some(12),
        ..Usage::default()
    };
    assert_eq!(answer.usage, usage);
    assert_eq!(answer.tool_calls, [ToolCall::new("call_1".into(), "book".into(), "{}".into())]);
    assert_eq!(answer.continuations.len(), 1);
    assert!(answer.problems.is_empty() && !answer.truncated && answer.error.is_none());
}

#[test]
fn an_error_in_place_of_an_answer_is_read() {
    let error = answer(
        r#"{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
    );
    let expected = ApiError {
        kind: Some("invalid_request_error".into()),
        message: Some("too long".into()),
        code: Some("context_length_exceeded".into()),
    };
    assert_eq!(error.error, Some(expected));
    let error = answer(r#"{"error":"boom"}"#).error.unwrap();
    assert_eq!(error.message.as_deref(), Some("boom"));
    let error = answer(r#"{"error":{"message":"slow down","code":429}}"#).error.unwrap();
    assert_eq!(error.code.as_deref(), Some("429"));
}

#[test]
fn what_can_be_read_of_a_damaged_answer_is_read() {
    let answer = answer(
        r#"{"id":5,"model":"m","usage":{"prompt_tokens":3.0,"completion_tokens":-1},"choices":{}}"#,
    );
    assert_eq!(answer.id, None);
    assert_eq!(answer.model.as_deref(), Some("m"));
    assert_eq!(answer.usage.input_tokens, Some(3));
    assert_eq!(answer.usage.output_tokens, None);
    let places: Vec<_> = answer.problems.listed().iter().map(|p| p.place.as_str()).collect();
    assert_eq!(places, ["id", "usage.completion_tokens", "choices"]);
}

#[test]
fn an_answer_sent_back_continues_the_chain_however_it_is_spelled() {
    let first = ask(r#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#);
    let answer = answer(
        r#"{"choices":[{"message":{"role":"assistant","content":"Yes","refusal":null,"annotations":[],
        "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"b\":1,\"a\":2}"}}]}}]}"#,
    );
    let heads = answer.heads(*first.chain().last().unwrap());
    let spellings = [
        r#"{"role":"assistant","content":"Yes","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"b\":1,\"a\":2}"}}]}"#,
        r#"{"tool_calls":[{"function":{"arguments":"{ \"a\" : 2, \"b\" : 1 }","name":"f"},"id":"c1"}],"content":[{"type":"text","text":"Yes"}],"role":"assistant"}"#,
        r#"{"role":"assistant","content":"\u0059es","audio":null,"function_call":null,"tool_calls":[{"id":"c1","index":0,"function":{"name":"f","arguments":"{\"b\":1,\"a\":2}"}}]}"#,
    ];
    for spelling in spellings {
        let body = format!(
            r#"{{"model":"m","messages":[{{"content":[{{"type":"text","text":"hi","cache_control":{{"type":"ephemeral"}}}}],"role":"user"}},{spelling},{{"role":"tool","tool_call_id":"c1","content":"ok"}}]}}"#
        );
        assert_eq!(ask(&body).chain()[1], heads[0], "{spelling}");
    }
    let other = ask(
        r#"{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"Yes"}]}"#,
    );
    assert_ne!(other.chain()[1], heads[0], "another answer is another chain");
    assert_eq!(other.chain()[0], first.chain()[0]);
}

#[test]
fn a_stream_reads_as_the_whole_answer_does() {
    let (steps, streamed) = stream(&[
        r#"{"id":"x","model":"m","service_tier":"default","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"finish_reason":null}],"usage":null}"#,
        r#"{"id":"x","model":"m","choices":[{"index":0,"delta":{"content":"Ye"}}]}"#,
        r#"{"id":"x","model":"m","choices":[{"index":0,"delta":{"content":"s"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c2","type":"function","function":{"name":"g","arguments":""}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}},{"index":1,"function":{"arguments":"{}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}"#,
        "[DONE]",
    ]);
    let whole = answer(
        r#"{"id":"x","model":"m","service_tier":"default","choices":[{"message":{"role":"assistant","content":"Yes","tool_calls":[
        {"id":"c1","function":{"name":"f","arguments":"{\"a\":1}"}},{"id":"c2","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}],
        "usage":{"prompt_tokens":9,"completion_tokens":4}}"#,
    );
    assert_eq!(streamed, whole);
    let mut expected = [Step::Content; 10];
    (expected[0], expected[7], expected[8]) = (Step::Other, Step::Other, Step::Other);
    expected[9] = Step::Terminal;
    assert_eq!(steps, expected);
}

#[test]
fn choices_stream_side_by_side() {
    let (_, streamed) = stream(&[
        r#"{"choices":[{"index":1,"delta":{"content":"B"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{"content":"A"}},{"index":1,"delta":{"refusal":"no"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ]);
    let whole = answer(
        r#"{"choices":[{"message":{"content":"A"},"finish_reason":"stop"},{"message":{"content":"B","refusal":"no"},"finish_reason":"stop"}]}"#,
    );
    assert_eq!(streamed, whole);
    assert_eq!(whole.continuations.len(), 2);
}

#[test]
fn tool_calls_without_an_index_or_all_with_the_same_are_kept_apart() {
    let expected = [
        ToolCall::new("c1".into(), "f".into(), "{}".into()),
        ToolCall::new("c2".into(), "f".into(), "[1]".into()),
    ];
    let (_, without) = stream(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"}"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"id":"c2","function":{"name":"f","arguments":"[1]"}}]}}]}"#,
        "[DONE]",
    ]);
    assert_eq!(without.tool_calls, expected);
    let (_, same) = stream(&[
        r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}},{"index":0,"id":"c2","function":{"name":"f","arguments":"[1]"}}]}}]}"#,
        "[DONE]",
    ]);
    assert_eq!(same.tool_calls, expected);
    let (_, repeated) = stream(&[
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"}"}}]}}]}"#,
        "[DONE]",
    ]);
    assert_eq!(repeated.tool_calls, expected[..1]);
}

#[test]
fn a_stream_that_is_cut_says_so_and_vouches_for_no_call() {
    let (_, cut) = stream(&[
        r#"{"choices":[{"delta":{"content":"Ye","tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{\"a"}}]}}]}"#,
    ]);
    assert!(cut.truncated && !cut.tool_calls[0].whole);
    assert!(cut.continuations.is_empty());
}

#[test]
fn an_error_inside_a_stream_is_terminal() {
    let (steps, failed) = stream(&[
        r#"{"choices":[{"delta":{"content":"Ye"}}]}"#,
        r#"{"error":{"message":"overloaded","type":"server_error","code":null}}"#,
    ]);
    assert_eq!(steps, [Step::Content, Step::Terminal]);
    assert_eq!(failed.error.unwrap().message.as_deref(), Some("overloaded"));
}

#[test]
fn a_stream_over_the_limit_is_counted_and_its_calls_are_not_whole() {
    let mut reader = StreamReader::new(Route::OpenAiChat, 1024);
    let big = "x".repeat(1000);
    let chunk = format!(
        r#"{{"choices":[{{"delta":{{"content":"{big}","tool_calls":[{{"index":0,"id":"c1","function":{{"name":"f","arguments":"{big}"}}}}]}}}}]}}"#
    );
    reader.read(None, &chunk);
    reader.read(None, &chunk);
    reader.read(None, "[DONE]");
    let answer = reader.finish();
    assert_eq!(answer.dropped_bytes, 2000);
    assert!(!answer.tool_calls[0].whole && !answer.truncated);
    assert!(answer.continuations.is_empty());
}

#[test]
fn garbage_in_a_stream_is_noted_and_passed_over() {
    let (steps, read) = stream(&[
        "{nonsense",
        r#"{"choices":[{"delta":{"content":"A"},"finish_reason":7}]}"#,
        "[DONE]",
    ]);
    assert_eq!(steps, [Step::Other, Step::Content, Step::Terminal]);
    assert_eq!(read.problems.listed().len(), 2);
    assert_eq!(read.continuations.len(), 1);
}
