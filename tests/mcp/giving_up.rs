//! Agents at the merged endpoint that give up before their answer has begun.

use events::Event;
use serde_json::json;
use tests::gateway::{Gateway, Setup};
use tests::patience::until;
use tests::upstream::Upstream;
use tests::wire::{Connection, post};

use crate::servers::{accepted, asked, legacy, modern};
use tests::mcp::{MODERN, call, initialize, send};

/// A server that never begins an answer, and the gateway before it.
fn stuck() -> (Upstream, Gateway) {
    let upstream = legacy(json!({}), |_, message, connection| {
        if message["method"] == "notifications/cancelled" {
            return accepted(connection);
        }
        drop(connection.rest());
        Ok(())
    });
    let setup = Setup::new().tools("stuck", &format!("url = \"{}\"", upstream.url()));
    (upstream, setup.start())
}

/// Waits until the server has been told that its call is cancelled, and that is on record.
fn told(upstream: &Upstream, mut gateway: Gateway) {
    let cancelled =
        until("the cancellation", || asked(upstream, "notifications/cancelled").into_iter().next());
    let called = asked(upstream, "tools/call");
    assert_eq!(cancelled["params"]["requestId"], called[0]["id"], "in the words of the server");
    gateway.recorded("the end of the call", |records| records.count("call.cancelled") == 1);
    gateway.stop_and_check();
}

#[test]
fn a_cancellation_reaches_a_server_that_has_not_begun_to_answer() {
    let (upstream, gateway) = stuck();
    let opened = send(gateway.agents, "/mcp", &[], initialize().to_string());
    let session = opened.head.header("mcp-session-id").unwrap().to_owned();
    let headers = [("mcp-session-id", session.as_str())];
    let mut calling = Connection::open(gateway.agents).unwrap();
    let body = call(7, "stuck__work", &json!({}));
    let accept = ("accept", "application/json, text/event-stream");
    calling.send(post("/mcp", &[accept, headers[0]], body)).unwrap();
    until("the call", || (!asked(&upstream, "tools/call").is_empty()).then_some(()));
    let params = json!({"requestId": 7});
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
    assert_eq!(send(gateway.agents, "/mcp", &headers, cancel.to_string()).status(), 202);
    told(&upstream, gateway);
}

#[test]
fn a_modern_agent_that_hangs_up_cancels_a_call_that_has_not_begun_to_be_answered() {
    let (upstream, gateway) = stuck();
    let body = modern("7", "tools/call", &json!({"name": "stuck__work", "arguments": {}}));
    let headers = [
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", MODERN),
        ("mcp-method", "tools/call"),
        ("mcp-name", "stuck__work"),
    ];
    let mut calling = Connection::open(gateway.agents).unwrap();
    calling.send(post("/mcp", &headers, body)).unwrap();
    until("the call", || (!asked(&upstream, "tools/call").is_empty()).then_some(()));
    drop(calling);
    told(&upstream, gateway);
}

#[test]
fn what_is_on_record_as_said_by_an_agent_that_hung_up_has_reached_the_server() {
    let upstream = legacy(json!({}), |_, _, connection| accepted(connection));
    let setup = Setup::new().tools("stuck", &format!("url = \"{}\"", upstream.url()));
    let mut gateway = setup.start();
    let opened = send(gateway.agents, "/mcp", &[], initialize().to_string());
    let session = opened.head.header("mcp-session-id").unwrap().to_owned();
    let headers = [("mcp-session-id", session.as_str())];
    let method = "notifications/roots/list_changed";
    let changed = json!({"jsonrpc": "2.0", "method": method}).to_string();
    for _ in 0..20 {
        let mut hasty = Connection::open(gateway.agents).unwrap();
        hasty.send(post("/mcp", &headers, &changed)).unwrap();
    }
    assert_eq!(send(gateway.agents, "/mcp", &headers, changed).status(), 202);
    let records = gateway.stop_and_check();
    let said = records.events.iter().filter(|envelope| {
        matches!(&envelope.event, Event::MessageRelayed(fact) if &*fact.method == method)
    });
    // Of those that hung up before their request was read nothing is on record.
    assert_eq!(said.count(), asked(&upstream, method).len());
}
