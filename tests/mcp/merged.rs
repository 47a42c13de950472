//! Many servers behind one endpoint.

use serde_json::json;
use tests::mcp::{call, plain, tool_names};

use crate::stage::Stage;

#[test]
fn tools_of_two_servers_are_told_apart_by_their_prefixes() {
    let mut stage = Stage::start(|setup, url| setup.tools("second", &format!("url = \"{url}\"")));
    let session = stage.session("/mcp", &[]);
    let headers = [("mcp-session-id", session.as_str())];
    let names = tool_names(&stage.send("/mcp", &headers, &plain(2, "tools/list")));
    assert!(names.iter().any(|name| name == "airline__calculate"), "{names:?}");
    assert!(names.iter().any(|name| name == "second__calculate"), "{names:?}");
    let body = call(3, "second__calculate", &json!({"expression": "1 + 1"}));
    let answer = stage.send("/mcp", &headers, &body);
    assert!(answer.json()["result"].is_object(), "{answer:?}");
    let records = stage.gateway.stop_and_check();
    let dispatched = records.dispatched();
    let called = dispatched.values().find(|asked| &*asked.method == "tools/call").unwrap();
    assert_eq!((&*called.upstream, called.target.as_deref()), ("second", Some("calculate")));
}

#[test]
fn a_clash_of_names_is_served_by_nobody_and_said_so() {
    let stage = Stage::start(|setup, url| {
        setup.tools("second", &format!("url = \"{url}\"")).prefix("never")
    });
    let session = stage.session("/mcp", &[]);
    let headers = [("mcp-session-id", session.as_str())];
    assert_eq!(tool_names(&stage.send("/mcp", &headers, &plain(2, "tools/list"))), [""; 0]);
    let body = call(3, "calculate", &json!({"expression": "1 + 1"}));
    let said = stage.send("/mcp", &headers, &body).json()["error"]["message"].to_string();
    assert!(said.contains("airline and second"), "{said}");
}

#[test]
fn a_server_that_is_down_takes_no_other_with_it() {
    let stage = Stage::start(|setup, _| setup.tools("down", "url = \"http://127.0.0.1:9/mcp\""));
    let session = stage.session("/mcp", &[]);
    let headers = [("mcp-session-id", session.as_str())];
    let names = tool_names(&stage.send("/mcp", &headers, &plain(2, "tools/list")));
    assert!(names.iter().any(|name| name == "airline__calculate"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("down__")), "{names:?}");
}
