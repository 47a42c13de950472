//! Answers with tool calls kept, changed and taken out, whole and streamed, in each dialect: what
//! is left is read by the same readers as what providers send.

#![expect(clippy::wildcard_enum_match_arm, reason = "the third of three routes")]

use super::super::{Answer, Route, Step, StreamReader, read_answer};
use super::{AskedCall, Cutter, KeptFrame, Ruling, asked_calls, rewrite_answer};
use crate::sse::Parser;
use serde_json::{Value, json};

const ROUTES: [Route; 3] = [Route::OpenAiChat, Route::OpenAiResponses, Route::AnthropicMessages];

/// An answer that says a few words and asks for `bash` and `read`.
fn whole(route: Route) -> String {
    let arguments = [r#"{"command":"rm -rf /"}"#, r#"{ "path" : "/etc" }"#];
    match route {
        Route::OpenAiChat => {
            let call = |id, name, arguments| {
                json!({"id": id, "type": "function",
                       "function": {"name": name, "arguments": arguments}})
            };
            let calls = [call("c0", "bash", arguments[0]), call("c1", "read", arguments[1])];
            json!({"id": "a", "object": "chat.completion", "created": 1, "model": "m",
                "choices": [{"index": 0, "finish_reason": "tool_calls", "logprobs": null,
                    "message": {"role": "assistant", "content": "Well.", "tool_calls": calls}}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}})
        }
        Route::OpenAiResponses => {
            let call = |id: &str, name, arguments| {
                json!({"id": format!("fc_{id}"), "call_id": id, "type": "function_call",
                       "status": "completed", "name": name, "arguments": arguments})
            };
            let said = json!({"id": "msg_0", "type": "message", "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Well.", "annotations": []}]});
            json!({"id": "a", "object": "response", "model": "m", "status": "completed",
                "output": [said, call("c0", "bash", arguments[0]),
                           call("c1", "read", arguments[1])]})
        }
        _ => {
            let call = |id, name, input: &str| {
                let input: Value = serde_json::from_str(input).unwrap();
                json!({"type": "tool_use", "id": id, "name": name, "input": input})
            };
            json!({"id": "a", "type": "message", "role": "assistant", "model": "m",
                "content": [{"type": "text", "text": "Well."}, call("c0", "bash", arguments[0]),
                            call("c1", "read", arguments[1])],
                "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 2}})
        }
    }
    .to_string()
}

/// The same as a stream; arguments come in pieces.
fn streamed(route: Route) -> String {
    let whole: Value = serde_json::from_str(&whole(route)).unwrap();
    let events = match route {
        Route::OpenAiChat => {
            let frames = chat_events(&whole);
            let frames = frames.iter().map(|event| format!("data: {event}\n\n"));
            return frames.chain(["data: [DONE]\n\n".to_owned()]).collect();
        }
        Route::OpenAiResponses => responses_events(&whole),
        _ => anthropic_events(&whole),
    };
    let name = |event: &Value| event["type"].as_str().unwrap().to_owned();
    let frames = events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", name(event)));
    frames.collect::<Vec<_>>().concat()
}

fn chat_events(whole: &Value) -> Vec<Value> {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    };
    let mut events = vec![chunk(json!({"role": "assistant", "content": "Well."}), Value::Null)];
    let calls = whole.pointer("/choices/0/message/tool_calls").unwrap();
    for (index, call) in calls.as_array().unwrap().iter().enumerate() {
        let text = call.pointer("/function/arguments").and_then(Value::as_str).unwrap();
        let (first, second) = text.split_at(5);
        let mut begun = call.clone();
        begun["index"] = index.into();
        begun["function"]["arguments"] = first.into();
        let more = json!({"index": index, "function": {"arguments": second}});
        events.push(chunk(json!({"tool_calls": [begun]}), Value::Null));
        events.push(chunk(json!({"tool_calls": [more]}), Value::Null));
    }
    events.push(chunk(json!({}), "tool_calls".into()));
    events
}

fn responses_events(whole: &Value) -> Vec<Value> {
    let begun = json!({"id": "a", "model": "m", "output": []});
    let mut events = vec![json!({"type": "response.created", "response": begun})];
    for (index, item) in whole["output"].as_array().unwrap().iter().enumerate() {
        let event = |kind: &str, name: &str, value: Value| {
            json!({"type": format!("response.{kind}"), "output_index": index,
                   "item_id": item["id"], name: value})
        };
        let mut begun = item.clone();
        begun["status"] = "in_progress".into();
        if let Some(text) = item["arguments"].as_str() {
            begun["arguments"] = "".into();
            let (first, second) = text.split_at(5);
            events.push(event("output_item.added", "item", begun));
            events.push(event("function_call_arguments.delta", "delta", first.into()));
            events.push(event("function_call_arguments.delta", "delta", second.into()));
            events.push(event("function_call_arguments.done", "arguments", text.into()));
        } else {
            events.push(event("output_item.added", "item", begun));
        }
        events.push(event("output_item.done", "item", item.clone()));
    }
    events.push(json!({"type": "response.completed", "response": whole}));
    for (number, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = number.into();
    }
    events
}

fn anthropic_events(whole: &Value) -> Vec<Value> {
    let mut begun = whole.clone();
    begun["content"] = json!([]);
    let mut events = vec![json!({"type": "message_start", "message": begun})];
    for (index, block) in whole["content"].as_array().unwrap().iter().enumerate() {
        let event = |kind: &str, name: &str, value: Value| json!({"type": format!("content_block_{kind}"), "index": index, name: value});
        let mut begun = block.clone();
        if let Some(input) = block.get("input") {
            begun["input"] = json!({});
            events.push(event("start", "content_block", begun));
            let text = input.to_string();
            let (first, second) = text.split_at(5);
            for piece in [first, second] {
                let delta = json!({"type": "input_json_delta", "partial_json": piece});
                events.push(event("delta", "delta", delta));
            }
        } else {
            begun["text"] = "".into();
            events.push(event("start", "content_block", begun));
            let delta = json!({"type": "text_delta", "text": block["text"]});
            events.push(event("delta", "delta", delta));
        }
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"},
                       "usage": {"output_tokens": 2}}));
    events.push(json!({"type": "message_stop"}));
    events
}

/// All frames of a stream, and what follows it.
fn followed(route: Route, stream: &str) -> (Cutter, Vec<KeptFrame>) {
    let mut cutter = Cutter::new(route).unwrap();
    let mut parser = Parser::new(1 << 20);
    parser.feed(stream.as_bytes());
    let mut frames = Vec::new();
    while let Some(frame) = parser.next_frame().unwrap() {
        let data = frame.fields.data.clone().filter(|data| data != "[DONE]");
        let event = frame.fields.event.as_deref();
        let touched = data.as_deref().map(|data| cutter.read(event, data)).unwrap_or_default();
        let event = frame.fields.event.clone();
        frames.push(KeptFrame { event, data, raw: frame.raw, touched });
    }
    (cutter, frames)
}

fn read_stream(route: Route, stream: &[u8]) -> Answer {
    let mut reader = StreamReader::new(route, 1 << 20);
    let mut parser = Parser::new(1 << 20);
    parser.feed(stream);
    let mut last = Step::Other;
    let mut number = None;
    while let Some(frame) = parser.next_frame().unwrap() {
        let data = frame.fields.data.unwrap();
        last = reader.read(frame.fields.event.as_deref(), &data);
        if let Ok(event) = serde_json::from_str::<Value>(&data)
            && let Some(found) = event["sequence_number"].as_u64()
        {
            assert_eq!(found, number.map_or(0, |number: u64| number + 1), "{data}");
            number = Some(found);
            assert_eq!(event["type"].as_str(), frame.fields.event.as_deref());
        }
    }
    assert_eq!(last, Step::Terminal);
    reader.finish()
}

/// The answer rewritten whole and as a stream, which must say the same.
fn ruled(route: Route, rulings: &[Ruling]) -> Answer {
    let new = rewrite_answer(route, &whole(route), rulings).unwrap();
    let answer = read_answer(route, new.as_bytes());
    let (cutter, frames) = followed(route, &streamed(route));
    let stream = cutter.rewrite(&frames, rulings).unwrap();
    let other = read_stream(route, &stream);
    assert!(answer.problems.is_empty() && other.problems.is_empty(), "{route:?}");
    assert_eq!(answer.tool_calls, other.tool_calls, "{route:?}: {stream:?}");
    assert_eq!(answer.finish_reasons, other.finish_reasons, "{route:?}");
    assert_eq!(answer.continuations, other.continuations, "{route:?}: {new} {stream:?}");
    answer
}

fn names(calls: &[AskedCall]) -> Vec<(&str, &str, bool)> {
    let each = calls.iter();
    each.map(|call| (call.name.as_str(), call.id.as_str(), call.ended)).collect()
}

#[test]
fn the_calls_of_an_answer_are_found_whole_and_streamed() {
    for route in ROUTES {
        let calls = asked_calls(route, &whole(route));
        assert_eq!(names(&calls), [("bash", "c0", true), ("read", "c1", true)], "{route:?}");
        assert!(calls[0].arguments.contains("rm -rf /"), "{calls:?}");
        let (cutter, _) = followed(route, &streamed(route));
        assert_eq!(names(cutter.calls()), names(&calls), "{route:?}");
        let spelled = |calls: &[AskedCall]| calls[0].arguments.clone();
        assert_eq!(spelled(cutter.calls()), spelled(&calls), "{route:?}");
    }
}

#[test]
fn what_is_kept_keeps_its_bytes() {
    for route in ROUTES {
        let stream = streamed(route);
        let (cutter, frames) = followed(route, &stream);
        let kept = cutter.rewrite(&frames, &[Ruling::Keep, Ruling::Keep]).unwrap();
        assert_eq!(std::str::from_utf8(&kept).unwrap(), stream, "{route:?}");
    }
}

#[test]
fn text_stands_in_the_place_of_a_call_that_is_taken_out() {
    let say = || Ruling::Say("No, \"thank\" you.".to_owned());
    for (route, stop, go_on) in [
        (Route::OpenAiChat, "stop", "tool_calls"),
        (Route::OpenAiResponses, "completed", "completed"),
        (Route::AnthropicMessages, "end_turn", "tool_use"),
    ] {
        let none = ruled(route, &[say(), say()]);
        assert!(none.tool_calls.is_empty(), "{route:?}");
        assert_eq!(none.finish_reasons, [stop], "{route:?}");
        let first = ruled(route, &[say(), Ruling::Keep]);
        assert_eq!(first.tool_calls.len(), 1, "{route:?}");
        assert_eq!(first.tool_calls[0].name, "read", "{route:?}");
        assert_eq!(first.finish_reasons, [go_on], "{route:?}");
        let second = ruled(route, &[Ruling::Keep, say()]);
        assert_eq!(second.tool_calls[0].name, "bash", "{route:?}");
        assert_ne!(second.continuations, first.continuations);
    }
}

#[test]
fn a_changed_call_has_the_new_arguments_and_its_old_name_and_id() {
    let new = r#"{"command":"ls \"/tmp\""}"#;
    for route in ROUTES {
        let answer = ruled(route, &[Ruling::Edit(new.to_owned()), Ruling::Keep]);
        let [bash, read] = answer.tool_calls.as_slice() else { panic!("{route:?}") };
        assert_eq!((&*bash.name, &*bash.id), ("bash", "c0"), "{route:?}");
        assert_eq!(bash.arguments, new, "{route:?}");
        assert!(bash.whole && read.whole && read.arguments.contains("/etc"), "{route:?}");
    }
}

#[test]
fn calls_in_rare_shapes_are_found_and_taken_out() {
    let custom = json!({"choices": [{"message": {"content": null, "tool_calls": [
        {"id": "c", "type": "custom", "custom": {"name": "sh", "input": "ls"}}]},
        "finish_reason": "tool_calls"}]})
    .to_string();
    let old = json!({"choices": [{"message": {"content": null,
        "function_call": {"name": "sh", "arguments": "{}"}}, "finish_reason": "function_call"}]})
    .to_string();
    let shell = json!({"output": [{"type": "local_shell_call", "id": "lsh_1", "call_id": "c",
        "action": {"type": "exec", "command": ["ls"]}, "status": "completed"}]})
    .to_string();
    for (route, body, name, free) in [
        (Route::OpenAiChat, &custom, "sh", true),
        (Route::OpenAiChat, &old, "sh", false),
        (Route::OpenAiResponses, &shell, "local_shell", false),
    ] {
        let calls = asked_calls(route, body);
        assert_eq!((calls[0].name.as_str(), calls[0].free), (name, free), "{body}");
        let new = rewrite_answer(route, body, &[Ruling::Say("No.".into())]).unwrap();
        assert!(asked_calls(route, &new).is_empty(), "{new}");
        assert!(new.contains("No."), "{new}");
    }
    let other = json!({"type": "exec", "command": ["pwd"]}).to_string();
    let new = rewrite_answer(Route::OpenAiResponses, &shell, &[Ruling::Edit(other.clone())]);
    assert_eq!(asked_calls(Route::OpenAiResponses, &new.unwrap())[0].arguments, other);
}

#[test]
fn what_providers_run_themselves_is_told_from_what_agents_run() {
    let body = json!({"content": [{"type": "server_tool_use", "id": "s", "name": "web_search",
        "input": {}}], "stop_reason": "end_turn"});
    assert!(asked_calls(Route::AnthropicMessages, &body.to_string())[0].by_provider);
    let body = json!({"output": [{"type": "web_search_call", "id": "ws_1"}]});
    assert!(asked_calls(Route::OpenAiResponses, &body.to_string())[0].by_provider);
}
