//! Whatever a tool server does, each call has one outcome, with its reason, and its agent an error
//! that it understands.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use events::{Event, FailureReason};
use serde_json::{Value, json};
use tests::gateway::{Gateway, Setup};
use tests::mcp::{call, message, modern_call, modern_headers, sent, session};
use tests::records::Records;
use tests::tool_server::{ToolCall, ToolServer};
use tests::wire::{Connection, Head};

use FailureReason::{AnswerTooLarge, Broken, Garbled, TimedOut, Truncated};

/// What a server does when this tool is called, why the call fails, and what its agent is told.
const FAULTS: [(&str, FailureReason, u16, &str); 18] = [
    ("hang", TimedOut, 504, "upstream_timed_out"),
    ("hang_in_body", TimedOut, 504, "upstream_timed_out"),
    ("hang_in_stream", TimedOut, 504, "upstream_timed_out"),
    ("leave", Broken, 502, "upstream_broken"),
    ("leave_in_head", Broken, 502, "upstream_broken"),
    ("leave_in_body", Broken, 502, "upstream_broken"),
    ("leave_in_stream", Broken, 502, "upstream_broken"),
    ("end_stream", Truncated, 502, "upstream_broken"),
    ("no_http", Broken, 502, "upstream_broken"),
    ("two_lengths", Broken, 502, "upstream_broken"),
    ("bad_chunk", Broken, 502, "upstream_broken"),
    ("garbage", Garbled, 502, "upstream_broken"),
    ("garbage_in_stream", Garbled, 502, "upstream_broken"),
    ("no_message", Garbled, 502, "upstream_broken"),
    ("nothing", Garbled, 502, "upstream_broken"),
    ("another_call", Garbled, 502, "upstream_broken"),
    ("huge", AnswerTooLarge, 502, "answer_too_large"),
    ("huge_in_stream", AnswerTooLarge, 502, "answer_too_large"),
];

const LOGGED: &str = concat!(
    r#"{"jsonrpc":"2.0","method":"notifications/message","#,
    r#""params":{"level":"info","data":"on my way"}}"#
);

/// More than the limit below.
const HUGE: usize = 2 << 20;

fn misbehave(call: &ToolCall, connection: &mut Connection) -> io::Result<()> {
    let open = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    if call.name.ends_with("_stream") {
        connection.begin_stream()?;
        connection.event(LOGGED)?;
    }
    match call.name.as_str() {
        "well" => return connection.reply(200, &call.said("well")),
        "hang_in_body" | "leave_in_body" => {
            connection.send(format!("{open}content-length: 100\r\n\r\n{{\"jsonrpc\""))?;
        }
        "leave_in_head" => connection.send("HTTP/1.1 200 OK\r\ncontent-le")?,
        "end_stream" => return connection.end_stream(),
        "no_http" => connection.send("SSH-2.0-OpenSSH_9.6\r\n")?,
        "two_lengths" => {
            connection
                .send(format!("{open}content-length: 2\r\ncontent-length: 4\r\n\r\n{{}}{{}}"))?;
        }
        "bad_chunk" => {
            connection.send(format!("{open}transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n"))?;
        }
        "garbage" => return connection.reply(200, "\u{1}\u{2}<html>"),
        "garbage_in_stream" => connection.event("<html>")?,
        "no_message" => return connection.reply(200, r#"{"ok":true}"#),
        "nothing" => return connection.reply(200, ""),
        "another_call" => {
            let other = ToolCall { id: json!("nobody asked this"), ..call.clone() };
            return connection.reply(200, &other.said("the result of another call"));
        }
        "huge" => return connection.reply(200, &"x".repeat(HUGE)),
        "huge_in_stream" => connection.event(&"x".repeat(HUGE))?,
        _ => {}
    }
    if call.name.starts_with("hang") {
        connection.rest();
    }
    Err(ErrorKind::ConnectionAborted.into())
}

/// A server that misbehaves and the gateway before it.
fn stage() -> (ToolServer, Gateway) {
    let mut tools: Vec<&str> = FAULTS.iter().map(|(tool, ..)| *tool).collect();
    tools.push("well");
    let server = ToolServer::start(&tools, misbehave);
    let gateway = Setup::new()
        .tools("tools", &server.url())
        .prefix("never")
        .limit("upstream_idle_timeout = \"2s\"")
        .limit("answer_bytes_max = \"1 MiB\"")
        .start();
    (server, gateway)
}

/// Where calls are made, and whether in a session.
const WAYS: [(&str, bool); 3] = [("/mcp/tools", true), ("/mcp/tools", false), ("/mcp", true)];

/// Calls a tool and reads to the end, proper or not.
fn called(to: SocketAddr, path: &str, session: Option<&str>, tool: &str) -> (Head, Vec<u8>) {
    let mut connection = Connection::open(to).unwrap();
    let request = match session {
        Some(id) => sent(path, &[("mcp-session-id", id)], call(9, tool, &json!({}))),
        None => sent(path, &modern_headers(tool), modern_call(9, tool, &json!({}))),
    };
    connection.send(request).unwrap();
    let answer = connection.whatever().unwrap().0;
    (answer.head, answer.body)
}

/// The reasons on record for the calls of a tool; none for those that were completed.
fn reasons(records: &Records, tool: &str) -> Vec<Option<FailureReason>> {
    let reason = |event: &Event| {
        if let Event::CallFailed(failed) = event {
            return Some(failed.reason);
        }
        assert!(matches!(event, Event::CallCompleted(_)), "{tool}: {event:?}");
        None
    };
    records.outcomes_of_tool(tool).into_iter().map(reason).collect()
}

/// What the agent of a call that failed gets.
fn assert_told(to: SocketAddr, path: &str, session: Option<&str>, fault: (&str, u16, &str)) {
    let (tool, status, code) = fault;
    let (head, body) = called(to, path, session, tool);
    // A stream has begun well.
    let streams = head.header("content-type") == Some("text/event-stream");
    let told = message(&body);
    assert_eq!(head.status, if streams { 200 } else { status }, "{tool} at {path}: {told}");
    assert_eq!(told["id"], json!(9), "{tool} at {path}: {told}");
    assert_eq!(told["error"]["data"]["code"], json!(code), "{tool} at {path}: {told}");
    assert_eq!(head.header("retry-after"), None, "{tool} at {path}: the tool may have run");
}

fn assert_well(to: SocketAddr, path: &str, session: Option<&str>) {
    let (head, body) = called(to, path, session, "well");
    assert_eq!(head.status, 200, "a neighbour's call");
    assert!(message(&body)["result"].is_object(), "a neighbour's call");
}

#[test]
fn each_fault_of_a_tool_server_is_told_to_the_agent_and_recorded_once_with_its_reason() {
    let (server, mut gateway) = stage();
    let agents = gateway.agents;
    std::thread::scope(|scope| {
        for (path, in_session) in WAYS {
            let id = in_session.then(|| session(agents, path, &[]));
            for (tool, _, status, code) in FAULTS {
                let id = id.clone();
                let fault = (tool, status, code);
                scope.spawn(move || assert_told(agents, path, id.as_deref(), fault));
            }
            scope.spawn(move || (0..20).for_each(|_| assert_well(agents, path, id.as_deref())));
        }
    });
    let records = gateway.stop_and_check();
    for (tool, reason, ..) in FAULTS {
        assert_eq!(reasons(&records, tool), [Some(reason); WAYS.len()], "{tool}");
    }
    assert_eq!(reasons(&records, "well"), [None; 20 * WAYS.len()]);
    let calls = (FAULTS.len() + 20) * WAYS.len();
    assert_eq!(server.calls().len(), calls, "no call was sent twice");
}

#[test]
fn a_tool_server_that_is_away_is_reported_as_such_and_the_call_may_be_repeated() {
    let setup = Setup::new().tools("away", "url = \"http://127.0.0.1:9/mcp\"");
    let mut gateway = setup.start();
    let (head, body) = called(gateway.agents, "/mcp/away", None, "echo");
    assert_eq!((head.status, head.header("retry-after")), (502, Some("1")));
    assert_eq!(message(&body)["error"]["data"]["code"], json!("upstream_unreachable"));
    let records = gateway.stop_and_check();
    assert_eq!(reasons(&records, "echo"), [Some(FailureReason::Unreachable)]);
    let acted = records.events.iter().any(
        |envelope| matches!(&envelope.event, Event::CallFailed(failed) if failed.may_have_acted),
    );
    assert!(!acted, "nothing was sent");
}

#[test]
fn an_error_of_a_tool_server_is_passed_on_as_it_is_and_recorded_as_unsuccessful() {
    let server = ToolServer::start(&["busy"], |_, connection| {
        connection.reply_with(429, "retry-after: 7\r\n", r#"{"detail":"slow down"}"#)
    });
    let mut gateway = Setup::new().tools("tools", &server.url()).start();
    let (head, body) = called(gateway.agents, "/mcp/tools", None, "busy");
    assert_eq!((head.status, head.header("retry-after")), (429, Some("7")));
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), json!({"detail": "slow down"}));
    let records = gateway.stop_and_check();
    let told = records.events.iter().any(|envelope| {
        matches!(&envelope.event, Event::CallCompleted(done)
            if done.unsuccessful && done.status == 429)
    });
    assert!(told, "it is on record as what it is");
}

#[test]
fn an_error_of_a_tool_server_that_has_not_read_the_id_is_the_answer_all_the_same() {
    let server = ToolServer::start(&["echo"], |_, connection| {
        let error = r#"{"code":-32000,"message":"the server says no"}"#;
        let body = format!(r#"{{"jsonrpc":"2.0","id":"server-error","error":{error}}}"#);
        connection.reply(400, &body)
    });
    let mut gateway = Setup::new().tools("tools", &server.url()).prefix("never").start();
    let (head, body) = called(gateway.agents, "/mcp", None, "echo");
    let told = message(&body);
    assert_eq!((head.status, &told["id"]), (400, &json!(9)), "{told}");
    assert_eq!(told["error"]["message"], json!("the server says no"));
    gateway.stop_and_check();
}
