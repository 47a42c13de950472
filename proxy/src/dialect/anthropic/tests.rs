//! Anthropic messages, read in every shape that servers and clients write.

use super::super::*;

const REQUEST: &str = r#"{"model":"claude-sonnet-4-5","max_tokens":1024,"stream":true,"top_k":5,
  "system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],
  "tools":[{"name":"book","input_schema":{}},{"type":"web_search_20250305","name":"web_search"}],
  "metadata":{"user_id":"user_0f_account__session_57a121ec-f78c-48c3-a745-e3036a3ecc33"},
  "messages":[
    {"role":"user","content":"Book it"},
    {"role":"assistant","content":[
      {"type":"thinking","thinking":"hm","signature":"s"},
      {"type":"text","text":"Sure."},
      {"type":"tool_use","id":"toolu_1","name":"book","input":{"seat": "3A"}},
      {"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"q"}},
      {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}]},
    {"role":"user","content":[
      {"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"boo"},{"type":"text","text":"ked"},{"type":"image","source":{}}]},
      {"type":"tool_result","tool_use_id":"toolu_2","content":"no such seat","is_error":true},
      {"type":"tool_result","tool_use_id":"toolu_3"},
      {"type":"text","text":"Go on"}]}
  ]}"#;

fn ask(body: &str) -> Request<'_> {
    read_request(Route::AnthropicMessages, body.as_bytes()).unwrap()
}

fn answer(body: &str) -> Answer {
    read_answer(Route::AnthropicMessages, body.as_bytes())
}

/// Reads events given by their data; each has the name that its data says.
fn stream(events: &[&str]) -> (Vec<Step>, Answer) {
    let mut reader = StreamReader::new(Route::AnthropicMessages, 1 << 20);
    let steps = events.iter().map(|data| {
        let value: serde_json::Value = serde_json::from_str(data).unwrap();
        reader.read(value["type"].as_str(), data)
    });
    (steps.collect(), reader.finish())
}

#[test]
fn a_request_is_read_with_its_system_prompt_first() {
    let request = ask(REQUEST);
    assert_eq!(request.model, "claude-sonnet-4-5");
    assert!(request.stream);
    assert_eq!(request.tools, ["book", "web_search"]);
    assert_eq!(request.parameters.max_tokens, Some(1024));
    assert_eq!(request.parameters.top_k, Some(5));
    let roles: Vec<_> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User]);
    let calls: Vec<_> = request
        .prior_calls()
        .map(|call| (&*call.id, &*call.name, &*call.arguments, call.by_provider))
        .collect();
    let expected = [
        ("toolu_1", "book", r#"{"seat": "3A"}"#, false),
        ("srvtoolu_1", "web_search", r#"{"query":"q"}"#, true),
    ];
    assert_eq!(calls, expected);
    let results: Vec<_> =
        request.tool_results().map(|r| (&*r.call_id, &*r.text, r.error)).collect();
    let expected =
        [("toolu_1", "booked", false), ("toolu_2", "no such seat", true), ("toolu_3", "", false)];
    assert_eq!(results, expected);
    assert_eq!(request.pieces().len(), 5);
    for piece in request.pieces() {
        serde_json::from_str::<serde_json::Value>(&REQUEST[piece]).unwrap();
    }
}

#[test]
fn the_session_of_claude_code_is_found_in_both_its_spellings() {
    let session = "57a121ec-f78c-48c3-a745-e3036a3ecc33";
    assert_eq!(ask(REQUEST).hints.user_session.as_deref(), Some(session));
    let newer = r#"{"model":"m","messages":[],"metadata":{"user_id":"{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"54c1\"}"}}"#;
    assert_eq!(ask(newer).hints.user_session.as_deref(), Some("54c1"));
    for user in ["ada", "{not json", "{\\\"session_id\\\":7}", "x_session_"] {
        let body = format!(r#"{{"model":"m","messages":[],"metadata":{{"user_id":"{user}"}}}}"#);
        let hints = ask(&body).hints;
        assert_eq!(hints.user_session, None, "{user}");
        assert!(hints.user.is_some());
    }
}

#[test]
fn a_count_of_tokens_is_read_as_the_message_it_counts() {
    let body = r#"{"model":"m","system":"s","messages":[{"role":"user","content":"hi"}]}"#;
    let count = read_request(Route::AnthropicCountTokens, body.as_bytes()).unwrap();
    assert_eq!(count.chain(), ask(body).chain());
    let answer = read_answer(Route::AnthropicCountTokens, br#"{"input_tokens":14}"#);
    assert_eq!(answer.usage, Usage::default(), "counting costs nothing");
}

#[test]
fn a_request_with_wrong_types_is_refused_with_the_reason() {
    let table = [
        (r#"{"model":"m"}"#, "`messages` must be a list, and is missing"),
        (r#"{"messages":[]}"#, "`model` must be the name of a model, and is missing"),
        (
            r#"{"model":"m","messages":[],"system":1}"#,
            "`system` must be a string or a list of blocks, and is a number",
        ),
        (
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":5}]}]}"#,
            "`messages[0].content[0].content` must be a string, and is a number",
        ),
    ];
    for (body, reason) in table {
        let error = read_request(Route::AnthropicMessages, body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), reason, "{body}");
    }
}

const ANSWER: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929",
  "content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"Sure.","citations":null},
    {"type":"tool_use","id":"toolu_1","name":"book","input":{"seat":"3A","n":1}},
    {"type":"tool_use","id":"toolu_2","name":"list","input":{}}],
  "stop_reason":"tool_use","stop_sequence":null,
  "usage":{"input_tokens":10,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,
    "cache_creation":{"ephemeral_5m_input_tokens":40,"ephemeral_1h_input_tokens":60},
    "output_tokens":25,"output_tokens_details":{"thinking_tokens":5},"service_tier":"standard"}}"#;

#[test]
fn a_whole_answer_is_read_and_its_input_tokens_are_a_total() {
    let answer = answer(ANSWER);
    assert_eq!(answer.id.as_deref(), Some("msg_1"));
    assert_eq!(answer.finish_reasons, ["tool_use"]);
    let usage = Usage {
        input_tokens: Some(1110),
        output_tokens: Some(25),
        cached_input_tokens: Some(1000),
        cache_write_tokens: Some(100),
        cache_write_1h_tokens: Some(60),
        reasoning_tokens: Some(5),
    };
    assert_eq!(answer.usage, usage);
    let calls = [
        ToolCall::new("toolu_1".into(), "book".into(), r#"{"seat":"3A","n":1}"#.into()),
        ToolCall::new("toolu_2".into(), "list".into(), "{}".into()),
    ];
    assert_eq!(answer.tool_calls, calls);
    assert!(answer.problems.is_empty());
}

#[test]
fn an_error_is_read_from_body_and_stream() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#;
    let expected = ApiError {
        kind: Some("overloaded_error".into()),
        message: Some("Overloaded".into()),
        code: None,
    };
    assert_eq!(answer(error).error, Some(expected.clone()));
    let (steps, streamed) = stream(&[error]);
    assert_eq!(steps, [Step::Terminal]);
    assert_eq!(streamed.error, Some(expected));
}

#[test]
fn an_answer_sent_back_continues_the_chain() {
    let first = ask(r#"{"model":"m","system":"s","messages":[{"role":"user","content":"hi"}]}"#);
    let heads = answer(ANSWER).heads(*first.chain().last().unwrap());
    let next = r#"{"model":"m","system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"messages":[
      {"role":"user","content":[{"type":"text","text":"hi"}]},
      {"role":"assistant","content":[{"type":"text","text":"Sure."},
        {"type":"tool_use","name":"book","id":"toolu_1","input":{"n":1.0,"seat":"3A"}},
        {"type":"tool_use","name":"list","id":"toolu_2","input":{},"cache_control":{"type":"ephemeral"}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"}]}]}"#;
    let chain = ask(next).chain();
    assert_eq!(chain.len(), 4);
    assert_eq!(chain[2], heads[0]);
}

const STREAM: [&str; 17] = [
    r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929","content":[],"stop_reason":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":100,"cache_read_input_tokens":1000,"cache_creation":{"ephemeral_5m_input_tokens":40,"ephemeral_1h_input_tokens":60},"output_tokens":1,"service_tier":"standard"}}}"#,
    r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    r#"{"type":"ping"}"#,
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
    r#"{"type":"content_block_stop","index":0}"#,
    r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Su"}}"#,
    r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"re."}}"#,
    r#"{"type":"content_block_stop","index":1}"#,
    r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"book","input":{}}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}"#,
    r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"seat\":\"3A\",\"n\":1}"}}"#,
    r#"{"type":"content_block_stop","index":2}"#,
    r#"{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_2","name":"list","input":{}}}"#,
    r#"{"type":"content_block_stop","index":3}"#,
    r#"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":25,"output_tokens_details":{"thinking_tokens":5}}}"#,
    r#"{"type":"message_stop"}"#,
];

#[test]
fn a_stream_reads_as_the_whole_answer_does() {
    let (steps, streamed) = stream(&STREAM);
    assert_eq!(streamed, answer(ANSWER));
    for (step, data) in steps.into_iter().zip(STREAM) {
        let expected = match data {
            stop if stop.contains("message_stop") => Step::Terminal,
            delta if delta.contains("content_block_delta") => Step::Content,
            _ => Step::Other,
        };
        assert_eq!(step, expected, "{data}");
    }
}

#[test]
fn a_stream_that_is_cut_vouches_only_for_finished_calls() {
    let (_, cut) = stream(&STREAM[..12]);
    assert!(cut.truncated && cut.continuations.is_empty());
    assert!(!cut.tool_calls[0].whole);
    let (_, cut) = stream(&STREAM[..13]);
    assert!(cut.truncated && cut.tool_calls[0].whole);
}

#[test]
fn a_terminal_event_is_known_by_its_name_alone() {
    let mut reader = StreamReader::new(Route::AnthropicMessages, 1 << 16);
    assert_eq!(reader.read(Some("message_stop"), "garbage"), Step::Terminal);
    assert_eq!(reader.read(None, r#"{"type":"message_stop"}"#), Step::Terminal);
    assert_eq!(reader.read(Some("ping"), "{}"), Step::Other);
}

#[test]
fn texts_side_by_side_and_server_tools_read_the_same_streamed() {
    let (_, streamed) = stream(&[
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"b"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"q\"}"}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"content_block_start","index":3,"content_block":{"type":"web_search_tool_result","tool_use_id":"s1","content":[{"url":"u"}]}}"#,
        r#"{"type":"content_block_stop","index":3}"#,
        r#"{"type":"message_stop"}"#,
    ]);
    let whole = answer(
        r#"{"content":[{"type":"text","text":"ab"},{"type":"server_tool_use","id":"s1","name":"web_search","input":{"query":"q"}},
        {"type":"web_search_tool_result","tool_use_id":"s1","content":[{"url":"u"}],"cache_control":{"type":"ephemeral"}}]}"#,
    );
    assert_eq!(streamed, whole);
    assert!(whole.tool_calls[0].by_provider);
}

#[test]
fn a_stream_over_the_limit_says_so() {
    let mut reader = StreamReader::new(Route::AnthropicMessages, 400);
    for data in STREAM {
        reader.read(None, data);
    }
    let answer = reader.finish();
    assert!(answer.dropped_bytes > 0 && !answer.truncated);
    assert!(answer.continuations.is_empty());
}
