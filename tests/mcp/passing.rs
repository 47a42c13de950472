//! What passes through to one server, and what of it is on record.

use events::{Event, Operation};
use serde_json::json;
use tests::gateway::OTHER_KEY;
use tests::mcp::{call, modern_call, modern_headers, plain, tool_names};
use tests::wire::AGENT_KEY;

use crate::stage::Stage;

#[test]
fn a_tool_call_is_on_record_with_its_answer() {
    let mut stage = Stage::plain();
    let session = stage.session("/mcp/airline", &[]);
    let headers = [("mcp-session-id", session.as_str())];
    let body = call(7, "calculate", &json!({"expression": "1 + 1"}));
    let answer = stage.send("/mcp/airline", &headers, &body);
    assert_eq!((answer.status(), answer.json()["id"].clone()), (200, json!(7)));
    let records = stage.gateway.stop_and_check();
    let dispatched = records.dispatched();
    let (id, asked) = dispatched
        .iter()
        .find(|(_, asked)| asked.operation == Operation::ExecuteTool)
        .unwrap_or_else(|| panic!("no tool call is on record"));
    assert_eq!((&*asked.method, asked.target.as_deref()), ("tools/call", Some("calculate")));
    let outcomes = records.outcomes(*id);
    let Event::CallCompleted(completed) = outcomes[0] else { panic!("{outcomes:?}") };
    let session = records.events.iter().find(|event| event.call == Some(*id)).unwrap().session;
    assert_eq!(records.payload(session, &asked.request.unwrap()), body.as_bytes());
    assert_eq!(records.payload(session, &completed.answer.unwrap()), answer.body);
    assert_eq!(records.count("tools.changed"), 0, "nothing was listed");
}

#[test]
fn the_tools_of_a_server_are_on_record_once_until_they_change() {
    let mut stage = Stage::plain();
    let session = stage.session("/mcp/airline", &[]);
    let headers = [("mcp-session-id", session.as_str())];
    let first = stage.send("/mcp/airline", &headers, &plain(2, "tools/list"));
    let second = stage.send("/mcp/airline", &headers, &plain(3, "tools/list"));
    assert!(!tool_names(&first).is_empty());
    assert_eq!(tool_names(&first), tool_names(&second));
    assert_eq!(stage.gateway.stop_and_check().count("tools.changed"), 1);
}

#[test]
fn an_agent_sees_and_calls_only_what_it_may() {
    let mut stage = Stage::plain();
    let key = format!("Bearer {OTHER_KEY}");
    let narrow = [("authorization", key.as_str())];
    let session = stage.session("/mcp/airline", &narrow);
    let headers = [narrow[0], ("mcp-session-id", session.as_str())];
    let listed = stage.send("/mcp/airline", &headers, &plain(2, "tools/list"));
    assert_eq!(tool_names(&listed), ["get_user_details"]);
    let seen = stage.seen();
    let denied = call(3, "cancel_reservation", &json!({"reservation_id": "X"}));
    let denied = stage.send("/mcp/airline", &headers, &denied);
    assert_eq!(denied.status(), 200);
    assert_eq!(denied.json()["result"]["isError"], json!(true), "the model can read it");
    assert_eq!(stage.seen(), seen, "nothing went upstream");
    assert_eq!(stage.gateway.stop_and_check().count("call.denied"), 1);
}

#[test]
fn a_session_is_of_no_use_to_another_agent() {
    let stage = Stage::plain();
    let session = stage.session("/mcp/airline", &[]);
    let (own, other) = (format!("Bearer {AGENT_KEY}"), format!("Bearer {OTHER_KEY}"));
    let seen = stage.seen();
    for path in ["/mcp/airline", "/mcp"] {
        let headers = [("authorization", other.as_str()), ("mcp-session-id", session.as_str())];
        let answer = stage.send(path, &headers, &plain(2, "ping"));
        assert_eq!(answer.status(), 404, "{path}: {answer:?}");
    }
    assert_eq!(stage.seen(), seen, "nothing went upstream");
    let headers = [("authorization", own.as_str()), ("mcp-session-id", session.as_str())];
    assert_eq!(stage.send("/mcp/airline", &headers, &plain(2, "ping")).status(), 200);
}

#[test]
fn a_modern_request_needs_headers_that_say_what_its_body_says() {
    let stage = Stage::plain();
    let body = modern_call(1, "calculate", &json!({"expression": "1 + 1"}));
    let seen = stage.seen();
    for path in ["/mcp/airline", "/mcp"] {
        let lied = stage.send(path, &modern_headers("get_user_details"), &body);
        assert_eq!((lied.status(), lied.json()["error"]["code"].clone()), (400, json!(-32020)));
    }
    assert_eq!(stage.seen(), seen, "nothing went upstream");
    assert_eq!(stage.send("/mcp/airline", &modern_headers("calculate"), &body).status(), 200);
}

#[test]
fn a_request_that_takes_all_memory_leaves_room_for_its_answer() {
    let mut stage = Stage::start(|setup, _| {
        setup.limit("body_bytes_max = \"1 MiB\"").limit("memory_bytes_max = \"1 MiB\"")
    });
    for (path, tool) in [("/mcp/airline", "calculate"), ("/mcp", "airline__calculate")] {
        let session = stage.session(path, &[]);
        let sized = |padding: usize| {
            call(7, tool, &json!({"expression": "1 + 1", "padding": "x".repeat(padding)}))
        };
        let body = sized((1 << 20) - sized(0).len());
        let answer = stage.send(path, &[("mcp-session-id", session.as_str())], &body);
        assert!(answer.json()["result"].is_object(), "{path}: {answer:?}");
    }
    stage.gateway.stop_and_check();
}
