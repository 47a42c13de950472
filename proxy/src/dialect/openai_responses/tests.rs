//! The Responses API, read in every shape that servers and clients write.

use super::super::*;
use std::borrow::Cow;

const REQUEST: &str = r#"{"model":"gpt-5","instructions":"Be brief.","stream":true,"previous_response_id":"resp_0",
  "conversation":{"id":"conv_1"},"temperature":1,"max_output_tokens":50,"store":false,
  "tools":[{"type":"function","name":"book","parameters":{}},{"type":"web_search"}],
  "input":[
    {"role":"user","content":"Book it"},
    {"type":"message","role":"user","content":[{"type":"input_text","text":"now"},{"type":"input_image","image_url":"x"}]},
    {"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"abc"},
    {"type":"function_call","id":"fc_1","call_id":"call_1","name":"book","arguments":"{\"seat\":3}","status":"completed"},
    {"type":"custom_tool_call","call_id":"call_2","name":"grep","input":"a.*b"},
    {"type":"local_shell_call","id":"ls_1","call_id":"call_3","action":{"type":"exec","command":["ls"]},"status":"completed"},
    {"type":"web_search_call","id":"ws_1","status":"completed","action":{"type":"search","query":"q"}},
    {"type":"function_call_output","call_id":"call_1","output":"booked"},
    {"type":"custom_tool_call_output","call_id":"call_2","output":[{"type":"input_text","text":"one"},{"type":"input_text","text":" two"}]},
    {"type":"computer_call_output","call_id":"call_4","output":{"type":"computer_screenshot","image_url":"x"}},
    {"type":"item_reference","id":"msg_1"}
  ]}"#;

fn ask(body: &str) -> Request<'_> {
    read_request(Route::OpenAiResponses, body.as_bytes()).unwrap()
}

fn answer(body: &str) -> Answer {
    read_answer(Route::OpenAiResponses, body.as_bytes())
}

/// Reads events given by their data; each has the name that its data says.
fn stream(events: &[&str]) -> (Vec<Step>, Answer) {
    let mut reader = StreamReader::new(Route::OpenAiResponses, 1 << 20);
    let steps = events.iter().map(|data| {
        let value: serde_json::Value = serde_json::from_str(data).unwrap();
        reader.read(value["type"].as_str(), data)
    });
    (steps.collect(), reader.finish())
}

#[test]
fn a_request_is_read_item_by_item() {
    let request = ask(REQUEST);
    assert_eq!(request.model, "gpt-5");
    assert!(request.stream);
    assert_eq!(request.tools, ["book", "web_search"]);
    assert_eq!(request.hints.previous_answer, Some(Cow::Borrowed("resp_0")));
    assert_eq!(request.hints.conversation, Some(Cow::Borrowed("conv_1")));
    assert_eq!(request.parameters.max_tokens, Some(50));
    let roles: Vec<_> = request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles[..4], [Role::System, Role::User, Role::User, Role::Assistant]);
    assert_eq!(roles[8..], [Role::Tool, Role::Tool, Role::Tool, Role::Other]);
    let calls: Vec<_> = request
        .prior_calls()
        .map(|call| (&*call.id, &*call.name, &*call.arguments, call.by_provider))
        .collect();
    let expected = [
        ("call_1", "book", r#"{"seat":3}"#, false),
        ("call_2", "grep", "a.*b", false),
        ("call_3", "local_shell", r#"{"type":"exec","command":["ls"]}"#, false),
        ("ws_1", "web_search", r#"{"type":"search","query":"q"}"#, true),
    ];
    assert_eq!(calls, expected);
    let results: Vec<_> = request.tool_results().map(|r| (&*r.call_id, &*r.text)).collect();
    assert_eq!(results, [("call_1", "booked"), ("call_2", "one two"), ("call_4", "")]);
    for piece in request.pieces() {
        serde_json::from_str::<serde_json::Value>(&REQUEST[piece]).unwrap();
    }
}

#[test]
fn an_input_that_is_a_string_is_one_turn_of_the_user() {
    let short = ask(r#"{"model":"m","input":"hi"}"#);
    let long = ask(
        r#"{"model":"m","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}]}]}"#,
    );
    assert_eq!(short.chain(), long.chain());
    assert_eq!(short.turns[0].role, Role::User);
    assert_eq!(ask(r#"{"model":"m","prompt":{"id":"p"}}"#).turns.len(), 0);
}

#[test]
fn a_request_with_wrong_types_is_refused_with_the_reason() {
    let table = [
        (
            r#"{"model":"m","input":5}"#,
            "`input` must be a string or a list of items, and is a number",
        ),
        (r#"{"model":"m","input":[7]}"#, "`input[0]` must be an object, and is a number"),
        (
            r#"{"model":"m","input":[{"type":"function_call","call_id":1,"name":"f"}]}"#,
            "`input[0].call_id` must be a string, and is a number",
        ),
        (
            r#"{"model":"m","previous_response_id":[]}"#,
            "`previous_response_id` must be a string, and is a list",
        ),
    ];
    for (body, reason) in table {
        let error = read_request(Route::OpenAiResponses, body.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), reason, "{body}");
    }
}

const OUTPUT: &str = r#"[{"type":"reasoning","id":"rs_1","summary":[]},
  {"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Yes","annotations":[],"logprobs":[]}]},
  {"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a\":1}","status":"completed"}]"#;

fn response(status: &str) -> String {
    format!(
        r#"{{"id":"resp_1","object":"response","model":"gpt-5-1","status":"{status}","error":null,"incomplete_details":null,"service_tier":"default",
        "output":{OUTPUT},"usage":{{"input_tokens":30,"input_tokens_details":{{"cached_tokens":10,"cache_write_tokens":5}},
        "output_tokens":7,"output_tokens_details":{{"reasoning_tokens":3}},"total_tokens":37}}}}"#
    )
}

#[test]
fn a_whole_answer_is_read() {
    let answer = answer(&response("completed"));
    assert_eq!(answer.id.as_deref(), Some("resp_1"));
    assert_eq!(answer.finish_reasons, ["completed"]);
    let usage = Usage {
        input_tokens: Some(30),
        output_tokens: Some(7),
        cached_input_tokens: Some(10),
        cache_write_tokens: Some(5),
        cache_write_1h_tokens: None,
        reasoning_tokens: Some(3),
    };
    assert_eq!(answer.usage, usage);
    assert_eq!(
        answer.tool_calls,
        [ToolCall::new("call_1".into(), "f".into(), r#"{"a":1}"#.into())]
    );
    assert_eq!(answer.continuations[0].len(), 2, "reasoning is not part of the chain");
    assert!(answer.problems.is_empty() && answer.error.is_none());
}

#[test]
fn failed_and_incomplete_answers_say_why() {
    let failed = answer(
        r#"{"id":"r","status":"failed","output":[],"error":{"code":"server_error","message":"boom"}}"#,
    );
    assert_eq!(failed.error.unwrap().code.as_deref(), Some("server_error"));
    assert_eq!(failed.finish_reasons, ["failed"]);
    let cut = answer(
        r#"{"id":"r","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}"#,
    );
    assert_eq!(cut.finish_reasons, ["max_output_tokens"]);
}

#[test]
fn an_answer_sent_back_continues_the_chain() {
    let first = ask(r#"{"model":"m","instructions":"i","input":"hi"}"#);
    let heads = answer(&response("completed")).heads(*first.chain().last().unwrap());
    let next = r#"{"model":"m","instructions":"i","input":[{"role":"user","content":"hi"},
        {"role":"assistant","content":"Yes"},
        {"type":"function_call","call_id":"call_1","name":"f","arguments":"{ \"a\": 1 }"},
        {"type":"function_call_output","call_id":"call_1","output":"ok"}]}"#;
    assert!(ask(next).chain().contains(&heads[0]));
    let whole = format!(
        r#"{{"model":"m","instructions":"i","input":[{{"role":"user","content":"hi"}},{}]}}"#,
        OUTPUT.trim_matches(['[', ']'])
    );
    assert_eq!(ask(&whole).chain().last(), Some(&heads[0]));
}

#[test]
fn a_stream_reads_as_the_whole_answer_does() {
    let message = r#"{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Yes","annotations":[]}]}"#;
    let done = format!(
        r#"{{"type":"response.output_item.done","output_index":1,"item":{message},"sequence_number":9}}"#
    );
    let end = format!(
        r#"{{"type":"response.completed","response":{},"sequence_number":16}}"#,
        response("completed")
    );
    let (steps, streamed) = stream(&[
        r#"{"type":"response.created","response":{"id":"resp_1","model":"gpt-5-1","status":"in_progress","output":[],"usage":null,"error":null},"sequence_number":0}"#,
        r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[]},"sequence_number":1}"#,
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","id":"rs_1","summary":[]},"sequence_number":2}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"message","id":"msg_1","role":"assistant","status":"in_progress","content":[]},"sequence_number":3}"#,
        r#"{"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Yes","sequence_number":5}"#,
        &done,
        r#"{"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"","status":"in_progress"},"sequence_number":10}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":"{\"a\"","sequence_number":11}"#,
        r#"{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":2,"delta":":1}","sequence_number":12}"#,
        r#"{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":2,"arguments":"{\"a\":1}","sequence_number":13}"#,
        r#"{"type":"response.output_item.done","output_index":2,"item":{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a\":1}","status":"completed"},"sequence_number":14}"#,
        &end,
    ]);
    assert_eq!(streamed, answer(&response("completed")));
    let content: Vec<_> = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| **step == Step::Content)
        .map(|(i, _)| i)
        .collect();
    assert_eq!(content, [4, 7, 8]);
    assert_eq!(steps.last(), Some(&Step::Terminal));
    assert_eq!(steps.iter().filter(|step| **step == Step::Terminal).count(), 1);
}

#[test]
fn a_stream_whose_items_come_only_at_the_end_reads_the_same() {
    let end = format!(r#"{{"type":"response.completed","response":{}}}"#, response("completed"));
    assert_eq!(stream(&[&end]).1, answer(&response("completed")));
}

#[test]
fn a_stream_that_is_cut_vouches_only_for_finished_calls() {
    let (_, cut) = stream(&[
        r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"}}"#,
        r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"c2","name":"g","arguments":""}}"#,
        r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{\"a"}"#,
    ]);
    assert!(cut.truncated && cut.continuations.is_empty());
    let whole: Vec<_> = cut.tool_calls.iter().map(|call| (&*call.arguments, call.whole)).collect();
    assert_eq!(whole, [("{}", true), ("{\"a", false)]);
}

#[test]
fn a_stream_that_fails_is_terminal_and_says_why() {
    let (steps, failed) = stream(&[
        r#"{"type":"response.failed","response":{"id":"r","status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"slow"}}}"#,
    ]);
    assert_eq!(steps, [Step::Terminal]);
    assert_eq!(failed.error.unwrap().code.as_deref(), Some("rate_limit_exceeded"));
    let (steps, failed) = stream(&[
        r#"{"type":"error","code":"server_error","message":"boom","param":null,"sequence_number":3}"#,
    ]);
    assert_eq!(steps, [Step::Terminal]);
    assert_eq!(failed.error.unwrap().message.as_deref(), Some("boom"));
}

#[test]
fn the_next_event_number_is_known() {
    let mut reader = StreamReader::new(Route::OpenAiResponses, 1 << 16);
    assert_eq!(reader.next_number(), 0);
    reader.read(None, r#"{"type":"response.output_text.delta","delta":"a","sequence_number":41}"#);
    assert_eq!(reader.next_number(), 42);
}

#[test]
fn a_stream_over_the_limit_says_so() {
    let mut reader = StreamReader::new(Route::OpenAiResponses, 2000);
    for index in 0..10 {
        let data = format!(
            r#"{{"type":"response.output_item.done","output_index":{index},"item":{{"type":"function_call","call_id":"c{index}","name":"f","arguments":"{{}}"}}}}"#
        );
        reader.read(None, &data);
    }
    reader.read(None, r#"{"type":"response.completed","response":{}}"#);
    let answer = reader.finish();
    assert!(answer.tool_calls.len() < 10 && answer.dropped_bytes > 0);
    assert!(answer.continuations.is_empty());
}
