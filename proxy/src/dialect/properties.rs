//! What holds for every body and every stream, tried on many that nobody would write.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const ROUTES: [Route; 9] = [
    Route::OpenAiChat,
    Route::OpenAiResponses,
    Route::OpenAiEmbeddings,
    Route::OpenAiModels,
    Route::OpenAiModel,
    Route::AnthropicMessages,
    Route::AnthropicCountTokens,
    Route::AnthropicModels,
    Route::AnthropicModel,
];

/// The words of the dialects: names that are read, and strings that mean something.
const WORDS: [&str; 60] = [
    "model",
    "messages",
    "input",
    "instructions",
    "system",
    "stream",
    "stream_options",
    "tools",
    "metadata",
    "user_id",
    "session_id",
    "role",
    "content",
    "refusal",
    "tool_calls",
    "function",
    "custom",
    "name",
    "arguments",
    "tool_call_id",
    "id",
    "call_id",
    "type",
    "text",
    "output",
    "tool_use_id",
    "is_error",
    "choices",
    "message",
    "delta",
    "index",
    "finish_reason",
    "usage",
    "prompt_tokens",
    "completion_tokens",
    "input_tokens",
    "output_tokens",
    "error",
    "code",
    "response",
    "item",
    "output_index",
    "content_block",
    "partial_json",
    "sequence_number",
    "assistant",
    "user",
    "tool",
    "tool_use",
    "tool_result",
    "message_start",
    "message_stop",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "function_call",
    "response.output_item.added",
    "response.output_item.done",
    "response.function_call_arguments.delta",
    "response.completed",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![9 => prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned), 1 => ".*"]
}

/// JSON that says the right things in the wrong places.
fn garbled() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_u64..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Reads the bytes as everything they could be: this is the target for fuzzing, too.
fn read_as_everything(bytes: &[u8]) {
    for route in ROUTES {
        if let Ok(request) = read_request(route, bytes) {
            let mut end = 0;
            for piece in request.pieces() {
                assert!(piece.start >= end, "pieces overlap");
                end = piece.end;
                assert!(
                    serde_json::from_slice::<&serde_json::value::RawValue>(&bytes[piece]).is_ok()
                );
            }
            assert!(end <= bytes.len());
            assert!(request.chain().len() <= request.turns.len());
            assert!(request.tool_results().count() + request.prior_calls().count() <= bytes.len());
        }
        let answer = read_answer(route, bytes);
        assert!(answer.problems.listed().len() <= PROBLEMS_MAX);
    }
}

/// Streams the events through each reader, and holds it to its limit.
fn stream_as_everything(events: &[String], limit: usize) {
    for route in ROUTES {
        let mut reader = StreamReader::new(route, limit);
        for event in events {
            reader.read(None, event);
        }
        let answer = reader.finish();
        let kept: usize =
            answer.tool_calls.iter().map(|c| c.id.len() + c.name.len() + c.arguments.len()).sum();
        assert!(kept <= limit, "{kept} bytes kept of {limit}");
        assert!(answer.problems.listed().len() <= PROBLEMS_MAX);
    }
}

/// A text, cut at arbitrary places.
fn pieces() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-zA-Z\"\\\\\n é\u{1F600}]{0,6}", 0..5)
}

/// What a model could say: text, and tool calls with JSON objects for arguments, all in pieces.
fn said() -> impl Strategy<Value = (Vec<String>, Vec<(String, Vec<String>)>)> {
    let arguments = (pieces(), 1_usize..9).prop_map(|(text, size)| {
        let json = json!({ "text": text.concat() }).to_string();
        let letters: Vec<char> = json.chars().collect();
        letters.chunks(size).map(|piece| piece.iter().collect()).collect()
    });
    (pieces(), prop::collection::vec(("[a-z]{1,8}", arguments), 0..4))
}

fn streamed(route: Route, events: impl IntoIterator<Item = Value>, end: &str) -> Answer {
    let mut reader = StreamReader::new(route, 1 << 20);
    for event in events {
        reader.read(event["type"].as_str(), &event.to_string());
    }
    assert_eq!(reader.read(None, end), Step::Terminal);
    reader.finish()
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_as_everything(&bytes);
        stream_as_everything(&[String::from_utf8_lossy(&bytes).into_owned()], 1000);
    }

    #[test]
    fn arbitrary_json_never_panics(body in garbled()) {
        read_as_everything(body.to_string().as_bytes());
    }

    #[test]
    fn arbitrary_streams_never_panic_and_keep_to_the_limit(
        events in prop::collection::vec(garbled(), 0..12),
        limit in 0_usize..2000,
    ) {
        let events: Vec<_> = events.iter().map(Value::to_string).collect();
        stream_as_everything(&events, limit);
    }

    #[test]
    fn cut_bodies_never_panic(body in garbled(), at in any::<prop::sample::Index>()) {
        let body = body.to_string();
        read_as_everything(&body.as_bytes()[..at.index(body.len() + 1)]);
    }

    #[test]
    fn a_chat_stream_reads_as_the_whole_answer_however_it_is_cut((text, calls) in said()) {
        let whole: Vec<_> = calls.iter().enumerate().map(|(index, (name, arguments))| json!({
            "id": format!("call_{index}"), "type": "function",
            "function": { "name": name, "arguments": arguments.concat() },
        })).collect();
        let whole = json!({ "choices": [{ "message": {
            "role": "assistant", "content": text.concat(), "tool_calls": whole,
        } }] });
        let delta = |delta: Value| json!({ "choices": [{ "index": 0, "delta": delta }] });
        let mut events = vec![delta(json!({ "role": "assistant", "content": "" }))];
        events.extend(text.iter().map(|piece| delta(json!({ "content": piece }))));
        for (index, (name, _)) in calls.iter().enumerate() {
            events.push(delta(json!({ "tool_calls": [{
                "index": index, "id": format!("call_{index}"), "function": { "name": name },
            }] })));
        }
        // The arguments come interleaved: one piece of each call in turn.
        let longest = calls.iter().map(|(_, arguments)| arguments.len()).max().unwrap_or(0);
        for at in 0..longest {
            let pieces = calls.iter().enumerate().filter_map(|(index, (_, arguments))| {
                let piece = arguments.get(at)?;
                Some(json!({ "index": index, "function": { "arguments": piece } }))
            });
            events.push(delta(json!({ "tool_calls": pieces.collect::<Vec<_>>() })));
        }
        let whole = read_answer(Route::OpenAiChat, whole.to_string().as_bytes());
        prop_assert_eq!(streamed(Route::OpenAiChat, events, "[DONE]"), whole);
    }

    #[test]
    fn a_message_stream_reads_as_the_whole_answer_however_it_is_cut((text, calls) in said()) {
        let block = |index: usize, (name, arguments): &(String, Vec<String>)| json!({
            "type": "tool_use", "id": format!("toolu_{index}"), "name": name,
            "input": serde_json::from_str::<Value>(&arguments.concat()).unwrap(),
        });
        let mut content = vec![json!({ "type": "text", "text": text.concat() })];
        content.extend(calls.iter().enumerate().map(|(index, call)| block(index, call)));
        let delta = |index: usize, delta: Value| {
            json!({ "type": "content_block_delta", "index": index, "delta": delta })
        };
        let stop = |index: usize| json!({ "type": "content_block_stop", "index": index });
        let first = json!({ "type": "text", "text": "" });
        let mut events = vec![json!({
            "type": "content_block_start", "index": 0, "content_block": first,
        })];
        events.extend(text.iter().map(|piece| delta(0, json!({ "text": piece }))));
        events.push(stop(0));
        for (index, call) in calls.iter().enumerate() {
            let mut first = block(index, call);
            first["input"] = json!({});
            events.push(json!({
                "type": "content_block_start", "index": index + 1, "content_block": first,
            }));
            let pieces = call.1.iter();
            events.extend(pieces.map(|piece| delta(index + 1, json!({ "partial_json": piece }))));
            events.push(stop(index + 1));
        }
        let whole = json!({ "content": content }).to_string();
        let whole = read_answer(Route::AnthropicMessages, whole.as_bytes());
        let end = r#"{"type":"message_stop"}"#;
        prop_assert_eq!(streamed(Route::AnthropicMessages, events, end), whole);
    }

    #[test]
    fn a_response_stream_reads_as_the_whole_answer_however_it_is_cut((text, calls) in said()) {
        let mut items = vec![json!({ "type": "message", "role": "assistant", "content": [
            { "type": "output_text", "text": text.concat() },
        ] })];
        items.extend(calls.iter().enumerate().map(|(index, (name, arguments))| json!({
            "type": "function_call", "call_id": format!("call_{index}"), "name": name,
            "arguments": arguments.concat(),
        })));
        let mut events = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let mut begun = item.clone();
            let piece = |piece: &String| json!({
                "type": "response.function_call_arguments.delta",
                "output_index": index, "delta": piece,
            });
            if begun["type"] == "function_call" {
                begun["arguments"] = json!("");
            }
            events.push(json!({
                "type": "response.output_item.added", "output_index": index, "item": begun,
            }));
            if let Some((_, arguments)) = index.checked_sub(1).and_then(|call| calls.get(call)) {
                events.extend(arguments.iter().map(piece));
            }
            events.push(json!({
                "type": "response.output_item.done", "output_index": index, "item": item,
            }));
        }
        let whole = json!({ "id": "r", "status": "completed", "output": items });
        let end = json!({ "type": "response.completed", "response": whole }).to_string();
        let whole = read_answer(Route::OpenAiResponses, whole.to_string().as_bytes());
        prop_assert_eq!(streamed(Route::OpenAiResponses, events, &end), whole);
    }

    #[test]
    fn every_answer_is_found_in_the_chain_of_the_request_that_sends_it_back(
        (text, calls) in said(),
        question in ".{0,20}",
    ) {
        let calls: Vec<_> = calls.iter().enumerate().map(|(index, (name, arguments))| json!({
            "id": format!("call_{index}"), "type": "function",
            "function": { "name": name, "arguments": arguments.concat() },
        })).collect();
        let message = json!({ "role": "assistant", "content": text.concat(), "tool_calls": calls });
        let asked = json!({ "role": "user", "content": question });
        let first = json!({ "model": "m", "messages": [asked] }).to_string();
        let next = json!({ "model": "m", "messages": [asked, message, asked] }).to_string();
        let answer = json!({ "choices": [{ "message": message }] }).to_string();
        let first = read_request(Route::OpenAiChat, first.as_bytes()).unwrap().chain();
        let next = read_request(Route::OpenAiChat, next.as_bytes()).unwrap().chain();
        let head = first.last().copied().unwrap_or(CHAIN_START);
        for head in read_answer(Route::OpenAiChat, answer.as_bytes()).heads(head) {
            prop_assert!(next.contains(&head));
        }
        prop_assert!(next.starts_with(&first));
    }
}

#[test]
fn deep_bodies_end_without_exhausting_the_stack() {
    for (open, close) in [("[", "]"), (r#"{"content":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let body = format!(
            r#"{{"model":"m","input":{deep},"messages":[{{"role":"user","content":[{{"type":"x","y":{deep}}}]}}]}}"#
        );
        for route in ROUTES {
            if let Ok(request) = read_request(route, body.as_bytes()) {
                request.chain();
            }
            read_answer(route, body.as_bytes());
        }
    }
}

#[test]
fn a_body_with_more_items_than_can_be_kept_is_refused() {
    let message = r#"{"role":"user","content":[{"type":"text","text":""}]},"#;
    let body = |count: usize| {
        let messages = message.repeat(count);
        format!(r#"{{"model":"m","messages":[{}]}}"#, messages.trim_end_matches(','))
    };
    assert!(read_request(Route::OpenAiChat, body(32_768).as_bytes()).is_ok());
    let error = read_request(Route::OpenAiChat, body(32_769).as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`messages[32767].content` must be shorter (65536 items in all lists of a body), \
         and is too long (and 1 more like it)"
    );
}

#[test]
fn a_stream_without_end_is_read_in_bounded_memory() {
    let block = r#"{"type":"content_block_start","index":1,"content_block":{}}"#;
    let item = r#"{"type":"response.output_item.done","output_index":NUMBER,"item":{}}"#;
    let choice = r#"{"choices":[{"index":NUMBER,"delta":{"tool_calls":[{"index":NUMBER}]}}]}"#;
    for (route, event) in [
        (Route::AnthropicMessages, block),
        (Route::OpenAiResponses, item),
        (Route::OpenAiChat, choice),
    ] {
        let limit = 10_000;
        let mut reader = StreamReader::new(route, limit);
        for number in 0..10_000_u64 {
            reader.read(None, &event.replace("NUMBER", &number.to_string()));
        }
        let answer = reader.finish();
        assert!(answer.dropped_bytes > 10_000, "{route:?} kept almost everything");
        assert!(answer.tool_calls.len() < limit / 100);
    }
}

#[test]
fn a_lone_surrogate_is_read_and_not_refused() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"a\ud83d b"}]}"#;
    let request = read_request(Route::OpenAiChat, body.as_bytes()).unwrap();
    assert!(matches!(&request.turns[0].parts[..], [Part::Text(text)] if text.contains('\u{FFFD}')));
}
