//! The same byte by byte: what flows while people decide, who hangs up, and who asks again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use events::{Event, FindingKind, Vote};
use serde_json::{Value, json};
use tests::upstream::Upstream;
use tests::wire::{Connection, ask, post};

use super::stage::{Stage, holding};

const PATIENT: Duration = Duration::from_mins(1);

/// The time that approvers have while an agent waits, where they shall not make it.
const HASTY: Duration = Duration::from_secs(1);

const COMMAND: &str = r#"{"command":"rm -r build"}"#;

/// A provider in the chat dialect that says a few words and asks for `bash`, each time under
/// another id; and says so itself when it is told a result.
fn provider() -> Upstream {
    let answers = Arc::new(AtomicUsize::new(0));
    Upstream::start(move |request, connection| {
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        let messages = asked["messages"].as_array().unwrap();
        if messages.last().unwrap()["role"] == "tool" {
            return connection.reply(200, &tests::upstream::completion("Gone."));
        }
        let id = format!("call_{}", answers.fetch_add(1, Ordering::Relaxed));
        let function = json!({"name": "bash", "arguments": COMMAND});
        let call = json!({"id": id, "type": "function", "function": function});
        if asked["stream"] == true { stream(connection, call) } else { whole(connection, &call) }
    })
}

fn whole(connection: &mut Connection, call: &Value) -> io::Result<()> {
    let message = json!({"role": "assistant", "content": "Well.", "tool_calls": [call]});
    let choice = json!({"index": 0, "message": message, "finish_reason": "tool_calls"});
    let answer = json!({"id": "a", "object": "chat.completion", "created": 1, "model": "gpt-x",
                        "choices": [choice], "x": 1.50});
    connection.reply(200, &answer.to_string())
}

fn stream(connection: &mut Connection, mut call: Value) -> io::Result<()> {
    let chunk = |delta: Value, finish: Value| {
        json!({"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x",
               "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        .to_string()
    };
    let (first, second) = COMMAND.split_at(9);
    call["index"] = 0.into();
    call["function"]["arguments"] = first.into();
    let more = json!({"index": 0, "function": {"arguments": second}});
    connection.begin_stream()?;
    connection.event(&chunk(json!({"role": "assistant", "content": "Well."}), Value::Null))?;
    connection.event(&chunk(json!({"tool_calls": [call]}), Value::Null))?;
    connection.event(&chunk(json!({"tool_calls": [more]}), Value::Null))?;
    connection.event(&chunk(json!({}), "tool_calls".into()))?;
    connection.event("[DONE]")?;
    connection.end_stream()
}

fn question(stream: bool) -> Vec<u8> {
    let messages = json!([{"role": "user", "content": "Clean up."}]);
    let body = json!({"model": "gpt-x", "stream": stream, "messages": messages});
    post("/v1/chat/completions", &[], body.to_string())
}

fn has(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}

#[test]
fn what_comes_before_a_held_tool_call_flows_and_the_rest_when_people_have_let_it_go() {
    let upstream = provider();
    let stage = Stage::start(&holding("bash"), &upstream.url(), PATIENT);
    let mut connection = Connection::open(stage.agents()).unwrap();
    connection.send(question(true)).unwrap();
    assert_eq!(connection.head().unwrap().status, 200);
    let mut seen = Vec::new();
    while !has(&seen, ": a person is asked") {
        seen.extend(connection.chunk().unwrap().unwrap());
    }
    assert!(has(&seen, "Well.") && !has(&seen, "bash"), "{}", String::from_utf8_lossy(&seen));
    stage.vote(stage.held().hold.id, Vote::Approve);
    while let Some(piece) = connection.chunk().unwrap() {
        seen.extend(piece);
    }
    let text = String::from_utf8(seen).unwrap();
    let sent = text.replace(": a person is asked about what follows\n\n", "");
    let (records, _folder) = stage.end();
    records.assert_complete();
    let answer = records.payloads().unwrap().into_iter().find(|payload| has(payload, "[DONE]"));
    assert_eq!(sent.as_bytes(), answer.unwrap(), "every byte of the model's answer, and no more");
}

#[test]
fn a_grant_that_comes_when_the_agent_has_hung_up_is_there_when_it_asks_again() {
    for is_stream in [false, true] {
        let upstream = provider();
        let stage = Stage::start(&holding("bash"), &upstream.url(), PATIENT);
        let mut connection = Connection::open(stage.agents()).unwrap();
        connection.send(question(is_stream)).unwrap();
        let hold = stage.held().hold.id;
        drop(connection);
        stage.left(hold);
        stage.vote(hold, Vote::Approve);
        assert!(stage.records().dispatched().values().all(|fact| fact.grant.is_none()));
        let again = ask(stage.agents(), question(is_stream)).unwrap();
        assert!(has(&again.body, "bash"), "{}", String::from_utf8_lossy(&again.body));
        let (records, _folder) = stage.end();
        records.assert_complete();
        assert_eq!((records.count("call.held"), records.count("hold.left")), (1, 1));
        let dispatched = records.dispatched();
        let released = dispatched.values().find(|fact| fact.grant.is_some()).unwrap();
        assert_eq!(released.tool_call.as_deref(), Some("call_1"), "it is that of the new answer");
    }
}

#[test]
fn an_agent_that_is_told_to_ask_again_gets_its_tool_call_later() {
    for is_stream in [false, true] {
        let upstream = provider();
        let mut stage = Stage::start(&holding("bash"), &upstream.url(), HASTY);
        let first = ask(stage.agents(), question(is_stream)).unwrap();
        assert!(has(&first.body, "NOT EXECUTED YET"), "{}", String::from_utf8_lossy(&first.body));
        assert!(!has(&first.body, "rm -r build") && has(&first.body, "\"stop\""));
        let hold = stage.held().hold.id;
        stage.restart();
        stage.vote(hold, Vote::Approve);
        let second = ask(stage.agents(), question(is_stream)).unwrap();
        assert!(has(&second.body, "rm -r build"), "{}", String::from_utf8_lossy(&second.body));
        let third = ask(stage.agents(), question(is_stream)).unwrap();
        assert!(has(&third.body, "NOT EXECUTED YET"), "a grant is good for one call");
        let (records, _folder) = stage.end();
        records.assert_complete();
        assert_eq!(records.count("call.held"), 2);
    }
}

#[test]
fn the_result_of_a_released_tool_call_is_nothing_that_nobody_asked_for() {
    let upstream = provider();
    let mut stage = Stage::start(&holding("bash"), &upstream.url(), PATIENT);
    let agents = stage.agents();
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(move || ask(agents, question(false)).unwrap());
        stage.vote(stage.held().hold.id, Vote::Approve);
        asked.join().unwrap()
    });
    stage.restart();
    let said = answer.json().pointer("/choices/0/message").unwrap().clone();
    let result = json!({"role": "tool", "tool_call_id": "call_0", "content": "all is well"});
    let messages = json!([{"role": "user", "content": "Clean up."}, said, result]);
    let body = json!({"model": "gpt-x", "messages": messages}).to_string();
    let told = ask(stage.agents(), post("/v1/chat/completions", &[], body)).unwrap();
    assert!(has(&told.body, "Gone."));
    let (records, _folder) = stage.end();
    records.assert_complete();
    for kind in [FindingKind::UnservedResult, FindingKind::ResultAltered] {
        assert_eq!(records.count_findings(kind), 0, "{kind:?}");
    }
    let sessions = records.events.iter().filter_map(|envelope| match &envelope.event {
        Event::CallDispatched(_) | Event::CallHeld(_) => envelope.session,
        _ => None,
    });
    let sessions: std::collections::BTreeSet<_> = sessions.collect();
    assert_eq!(sessions.len(), 1, "the calls belong to one conversation");
}

#[test]
fn an_answer_with_text_for_a_tool_call_keeps_everything_else_byte_by_byte() {
    let upstream = provider();
    let denying = super::stage::policy(
        "forbid (principal, action, resource) when { resource in Server::\"local\" };",
    );
    let stage = Stage::start(&denying, &upstream.url(), PATIENT);
    let answer = ask(stage.agents(), question(false)).unwrap();
    assert!(has(&answer.body, "\"x\":1.5") && has(&answer.body, "Well."));
    let json = answer.json();
    let choice = json.pointer("/choices/0").unwrap();
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice.pointer("/message/tool_calls"), None);
    let (records, _folder) = stage.end();
    let relayed = records.events.iter().find_map(|envelope| match &envelope.event {
        Event::MessageRelayed(fact) => Some(records.payload(envelope.session, &fact.payload)),
        _ => None,
    });
    assert_eq!(relayed.unwrap(), answer.body, "what the agent got is on record");
}
