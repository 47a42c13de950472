//! The stand-in provider says the same in every dialect, whole and streamed.

use std::sync::Arc;

use http::{Method, StatusCode};
use proxy::standin::{
    provider::{self, Fixed, Options},
    recording::Recordings,
    server::Handle,
};
use serde_json::{Value, json};

use crate::client::{ANYWHERE, post, send};

async fn start(options: Options) -> Handle {
    let recordings = Arc::new(Recordings::embedded().unwrap());
    provider::start(ANYWHERE, recordings, options).await.unwrap()
}

/// Two tool calls at once, one with a text of several bytes a character.
const ASK: &str = "call think {\"thought\":\"Łódź → 東京\"}\ncall cancel_reservation {\"id\":7}";

fn asking(mut request: Value, stream: bool) -> Value {
    request["model"] = "gpt-4o".into();
    request["stream"] = stream.into();
    request
}

/// Joins what is found at a pointer in each of the events.
fn joined(events: &[Value], pointer: &str) -> String {
    events.iter().filter_map(|event| event.pointer(pointer)?.as_str()).collect()
}

#[tokio::test]
async fn a_streamed_chat_completion_adds_up_to_the_whole_one() {
    let server = start(Options::default()).await;
    let mut request = json!({"messages": [{"role": "user", "content": ASK}],
        "stream_options": {"include_usage": true}});
    request = asking(request, false);
    let whole = post(&server, "/v1/chat/completions", &request).await.json();
    request = asking(request, true);
    let streamed = post(&server, "/v1/chat/completions", &request).await;
    assert_eq!(streamed.headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(streamed.events().last().unwrap(), "[DONE]");
    let events = streamed.json_events();
    for (index, call) in
        whole["choices"][0]["message"]["tool_calls"].as_array().unwrap().iter().enumerate()
    {
        let deltas: Vec<Value> = events
            .iter()
            .filter_map(|event| event.pointer("/choices/0/delta/tool_calls/0"))
            .filter(|delta| delta["index"] == index)
            .cloned()
            .collect();
        assert_eq!(joined(&deltas, "/id"), call["id"].as_str().unwrap());
        assert_eq!(joined(&deltas, "/function/arguments"), call["function"]["arguments"]);
    }
    assert_eq!(joined(&events, "/choices/0/finish_reason"), "tool_calls");
    let last = events.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &whole["usage"]));
}

#[tokio::test]
async fn a_streamed_response_adds_up_to_the_whole_one() {
    let server = start(Options::default()).await;
    for input in [ASK, "hello"] {
        let request = json!({"input": input});
        let mut whole =
            post(&server, "/v1/responses", &asking(request.clone(), false)).await.json();
        let events = post(&server, "/v1/responses", &asking(request, true)).await.json_events();
        let numbers: Vec<_> = events.iter().map(|e| e["sequence_number"].as_u64()).collect();
        assert_eq!(numbers, (0..events.len() as u64).map(Some).collect::<Vec<_>>());
        let done = events.last().unwrap();
        assert_eq!(done["type"], "response.completed");
        // The two requests differ in length, and so do their estimated tokens.
        whole["usage"] = done["response"]["usage"].clone();
        assert_eq!(done["response"], whole);
        let said: String =
            whole["output"].as_array().unwrap().iter().fold(String::new(), |text, item| {
                let arguments = item["arguments"].as_str();
                text + arguments.or(item["content"][0]["text"].as_str()).unwrap()
            });
        assert_eq!(joined(&events, "/delta"), said);
    }
}

#[tokio::test]
async fn a_streamed_message_adds_up_to_the_whole_one() {
    let server = start(Options::default()).await;
    let request = json!({"max_tokens": 100, "messages": [{"role": "user", "content": ASK}]});
    let whole = post(&server, "/v1/messages", &asking(request.clone(), false)).await.json();
    let events = post(&server, "/v1/messages", &asking(request, true)).await.json_events();
    assert_eq!(events[0]["type"], "message_start");
    assert_eq!(events.last().unwrap()["type"], "message_stop");
    assert_eq!(joined(&events, "/delta/stop_reason"), "tool_use");
    for (index, block) in whole["content"].as_array().unwrap().iter().enumerate() {
        let of_block: Vec<Value> = events.iter().filter(|e| e["index"] == index).cloned().collect();
        let input: Value = serde_json::from_str(&joined(&of_block, "/delta/partial_json")).unwrap();
        assert_eq!(input, block["input"]);
        assert_eq!(of_block[0]["content_block"]["name"], block["name"]);
    }
}

#[tokio::test]
async fn a_recorded_conversation_is_answered_alike_in_all_three_dialects() {
    let server = start(Options::default()).await;
    let recordings = Recordings::embedded().unwrap();
    let session = &recordings.sessions()[0];
    let turns: Vec<_> = session.messages.iter().map(|message| message.turn().text).collect();
    let (system, user) = (&turns[0], &turns[1]);
    let chat = json!({"messages": [{"role": "system", "content": system},
        {"role": "user", "content": user}]});
    let chat = post(&server, "/v1/chat/completions", &asking(chat, false)).await.json();
    assert_eq!(chat["choices"][0]["message"]["content"], *turns[2]);
    let responses = json!({"instructions": system, "input": user});
    let responses = post(&server, "/v1/responses", &asking(responses, false)).await.json();
    assert_eq!(responses["output"][0]["content"][0]["text"], *turns[2]);
    let messages = json!({"system": system, "messages": [{"role": "user", "content": user}]});
    let messages = post(&server, "/v1/messages", &asking(messages, false)).await.json();
    assert_eq!(messages["content"][0]["text"], *turns[2]);
}

#[tokio::test]
async fn only_its_own_key_opens_the_provider_and_every_request_is_counted() {
    let server = start(Options { key: Some("sk-1".into()), ..Options::default() }).await;
    let models = |headers: &'static [(&'static str, &'static str)]| {
        send(server.addr(), Method::GET, "/v1/models", headers, &Value::Null)
    };
    assert_eq!(models(&[]).await.unwrap().status, StatusCode::UNAUTHORIZED);
    let wrong = models(&[("authorization", "Bearer sk-2")]).await.unwrap();
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let bearer = models(&[("authorization", "Bearer sk-1")]).await.unwrap();
    assert_eq!(bearer.json()["data"][0]["id"], "gpt-4o");
    assert_eq!(models(&[("x-api-key", "sk-1")]).await.unwrap().status, StatusCode::OK);
    assert_eq!(server.requests(), 4);
}

#[tokio::test]
async fn every_input_gets_an_embedding() {
    let server = start(Options::default()).await;
    let request = json!({"model": "text-embedding-3-small", "input": ["a", "b", "c"]});
    let answer = post(&server, "/v1/embeddings", &request).await.json();
    assert_eq!(answer["data"].as_array().unwrap().len(), 3);
    assert_eq!(answer["data"][2]["index"], 2);
}

#[tokio::test]
async fn a_fixed_provider_gives_the_sizes_asked_for_whatever_it_is_asked() {
    let fixed = Some(Fixed { answer_bytes: 2048, chunk_count: 200 });
    let server = start(Options { fixed, ..Options::default() }).await;
    let path = "/v1/chat/completions";
    let padding = "x".repeat(64 << 10);
    let plain = json!({"model": "m", "messages": [{"role": "user", "content": padding}]});
    assert_eq!(post(&server, path, &plain).await.body.len(), 2048);
    let streamed = post(&server, path, &json!({"model": "m", "stream": true})).await;
    let texts = streamed.json_events();
    let texts = texts.iter().filter_map(|event| event.pointer("/choices/0/delta/content"));
    assert_eq!(texts.filter(|text| *text == " tok").count(), 200);
    assert_eq!(streamed.events().last().unwrap(), "[DONE]");
}
