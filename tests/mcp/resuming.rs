//! Answers that come in parts, on streams that are resumed; what of them is on record.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use events::Event;
use serde_json::{Value, json};
use tests::gateway::{Gateway, Setup};
use tests::records::Records;
use tests::upstream::{Request, Upstream};
use tests::wire::{Answer, Connection, ask};

use crate::servers::{get, legacy, notification, response};
use tests::mcp::{call, initialize, message, send};

/// The events of the answer to the call `7`, as the server numbers them.
fn events(asked: &Value) -> [String; 4] {
    let progress = |done: i64| {
        let params = json!({"progressToken": "p", "progress": done});
        notification("notifications/progress", &params)
    };
    let result = json!({"content": [{"type": "text", "text": "done"}]});
    [
        "id: e1\ndata: \n\n".to_owned(),
        format!("id: e2\ndata: {}\n\n", progress(1)),
        format!("id: e3\ndata: {}\n\n", progress(2)),
        format!("id: e4\ndata: {}\n\n", response(asked, &result)),
    ]
}

fn piece(connection: &mut Connection, text: &str) -> io::Result<()> {
    connection.send(format!("{:x}\r\n{text}\r\n", text.len()))
}

fn stream(connection: &mut Connection, events: &[String]) -> io::Result<()> {
    connection.begin_stream()?;
    for event in events {
        piece(connection, event)?;
    }
    connection.send("0\r\n\r\n")
}

/// A server that ends each stream after two events; what came behind which event is asked for.
fn parting(request: &Request, asked: &Value, connection: &mut Connection) -> io::Result<()> {
    let from = match request.header("last-event-id") {
        _ if asked["method"] == "tools/call" => 0,
        Some("e1") => 1,
        Some("e2") => 2,
        Some("e3") => 3,
        _ => return connection.reply(405, "{}"),
    };
    let all = events(&json!({"id": 7}));
    stream(connection, &all[from..(from + 2).min(4)])
}

fn gateway(upstream: &Upstream) -> (Gateway, String) {
    let setup = Setup::new()
        .tools("parts", &format!("url = \"{}\"", upstream.url()))
        .limit("upstream_idle_timeout = \"1s\"");
    let gateway = setup.start();
    let opened = send(gateway.agents, "/mcp/parts", &[], initialize().to_string());
    (gateway, opened.head.header("mcp-session-id").unwrap().to_owned())
}

fn resumed(gateway: &Gateway, session: &str, last: &str) -> Answer {
    let headers = [("mcp-session-id", session), ("last-event-id", last)];
    ask(gateway.agents, get("/mcp/parts", &headers)).unwrap()
}

/// What is on record as the answer of the one tool call.
fn answer(records: &Records) -> String {
    let dispatched = records.dispatched();
    let (id, _) = dispatched.iter().find(|(_, asked)| &*asked.method == "tools/call").unwrap();
    let outcomes = records.outcomes(*id);
    let Event::CallCompleted(completed) = outcomes[0] else { panic!("{outcomes:?}") };
    let session = records.events.iter().find(|event| event.call == Some(*id)).unwrap().session;
    String::from_utf8(records.payload(session, &completed.answer.unwrap())).unwrap()
}

#[test]
fn an_answer_that_came_on_resumed_streams_is_on_record_as_a_whole_and_once() {
    for resumptions in [["e2"].as_slice(), &["e1", "e3"], &["e1", "e2"], &["e3"]] {
        let upstream = legacy(json!({}), parting);
        let (mut gateway, session) = gateway(&upstream);
        let headers = [("mcp-session-id", session.as_str())];
        let all = events(&json!({"id": 7}));
        let body = call(7, "work", &json!({}));
        let first = send(gateway.agents, "/mcp/parts", &headers, &body);
        assert_eq!(String::from_utf8(first.body).unwrap(), all[..2].concat());
        for last in resumptions {
            assert_eq!(resumed(&gateway, &session, last).status(), 200, "{last}");
        }
        let records = gateway.stop_and_check();
        let wanted = match resumptions {
            ["e3"] => [&all[..2], &all[3..]].concat().concat(),
            _ => all.concat(),
        };
        assert_eq!(answer(&records), wanted, "{resumptions:?}");
    }
}

#[test]
fn an_answer_that_the_gateway_itself_resumed_is_on_record_as_a_whole() {
    let own = Mutex::new(Value::Null);
    let upstream = legacy(json!({}), move |request, asked, connection| {
        let mut own = own.lock().unwrap();
        if asked["method"] == "tools/call" {
            own.clone_from(asked);
        }
        let all = events(&own);
        match request.header("last-event-id") {
            _ if asked["method"] == "tools/call" => {
                let retry = ["retry: 1\n\n".to_owned()];
                stream(connection, &[&retry, &all[..2]].concat())
            }
            Some("e2") => stream(connection, &all[2..]),
            _ => connection.reply(405, "{}"),
        }
    });
    let setup = Setup::new().tools("parts", &format!("url = \"{}\"", upstream.url()));
    let mut gateway = setup.start();
    let opened = send(gateway.agents, "/mcp", &[], initialize().to_string());
    let session = opened.head.header("mcp-session-id").unwrap().to_owned();
    let body = call(7, "parts__work", &json!({}));
    let answered = send(gateway.agents, "/mcp", &[("mcp-session-id", &session)], &body);
    assert_eq!((answered.status(), &message(&answered.body)["id"]), (200, &json!(7)));
    let answer = answer(&gateway.stop_and_check());
    let told: Vec<_> = answer.lines().collect();
    assert_eq!(told.len(), 3, "{answer}");
    assert!(told[0].contains("\"progress\":1") && told[1].contains("\"progress\":2"), "{answer}");
    assert!(told[2].contains("done"), "{answer}");
}

#[test]
fn a_call_whose_stream_was_resumed_has_all_the_time_that_the_new_one_takes() {
    let (let_it, is_let) = std::sync::mpsc::channel();
    let is_let = Mutex::new(is_let);
    let upstream = legacy(json!({}), move |request, asked, connection| {
        let all = events(&json!({"id": 7}));
        if asked["method"] == "tools/call" {
            return stream(connection, &all[..2]);
        }
        if request.header("last-event-id") != Some("e2") {
            return connection.reply(405, "{}");
        }
        connection.begin_stream()?;
        while is_let.lock().unwrap().recv_timeout(Duration::from_millis(50)).is_err() {
            piece(connection, ": it is alive\n\n")?;
        }
        piece(connection, &all[3])?;
        connection.send("0\r\n\r\n")
    });
    let (mut gateway, session) = gateway(&upstream);
    let headers = [("mcp-session-id", session.as_str())];
    send(gateway.agents, "/mcp/parts", &headers, call(7, "work", &json!({})));
    let mut going_on = Connection::open(gateway.agents).unwrap();
    let more = [headers[0], ("last-event-id", "e2")];
    going_on.send(get("/mcp/parts", &more)).unwrap();
    assert_eq!(going_on.head().unwrap().status, 200);
    // Another call breaks off later and is not gone on with. When that is given up, the time of the
    // first stream is over as well.
    send(gateway.agents, "/mcp/parts", &headers, call(8, "work", &json!({})));
    gateway.recorded("the other's end", |records| records.count("call.failed") > 0);
    let_it.send(()).unwrap();
    while going_on.chunk().unwrap().is_some() {}
    let records = gateway.stop_and_check();
    assert_eq!(records.count("call.failed"), 1, "the other");
}
