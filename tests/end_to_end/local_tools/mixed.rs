//! Answers that ask for several tools at once: what is local, what is not, and what cannot be read.

use std::time::Duration;

use serde_json::{Value, json};
use tests::tool_server::ToolServer;
use tests::upstream::Upstream;
use tests::wire::{Answer, ask, post};

use super::stage::{Stage, policy};

const PATIENT: Duration = Duration::from_mins(1);

/// A provider in the Anthropic dialect that asks for each of these tools, in a stream.
fn asking(calls: &'static [(&'static str, &'static str)]) -> Upstream {
    Upstream::start(move |_, connection| {
        let head = json!({"id": "msg_1", "type": "message", "role": "assistant", "content": [],
            "model": "claude-x", "stop_reason": null, "usage": {"input_tokens": 1,
            "output_tokens": 1}});
        connection.begin_stream()?;
        connection.event(&json!({"type": "message_start", "message": head}).to_string())?;
        for (index, (name, arguments)) in calls.iter().enumerate() {
            let block = json!({"type": "tool_use", "id": format!("toolu_{index}"), "name": name,
                               "input": {}});
            let delta = json!({"type": "input_json_delta", "partial_json": arguments});
            for event in [
                json!({"type": "content_block_start", "index": index, "content_block": block}),
                json!({"type": "content_block_delta", "index": index, "delta": delta}),
                json!({"type": "content_block_stop", "index": index}),
            ] {
                connection.event(&event.to_string())?;
            }
        }
        let end = json!({"stop_reason": "tool_use", "stop_sequence": null});
        let usage = json!({"output_tokens": 9});
        let end = json!({"type": "message_delta", "delta": end, "usage": usage});
        connection.event(&end.to_string())?;
        connection.event("{\"type\":\"message_stop\"}")?;
        connection.end_stream()
    })
}

fn question(stage: &Stage) -> Answer {
    let messages = json!([{"role": "user", "content": "Clean up."}]);
    let body = json!({"model": "claude-x", "max_tokens": 9, "stream": true, "messages": messages});
    let headers = [("anthropic-version", "2023-06-01")];
    ask(stage.agents(), post("/v1/messages", &headers, body.to_string())).unwrap()
}

/// The blocks of an answer: a tool's name, or `text`; and why the model stopped.
fn blocks(answer: &Answer) -> (Vec<String>, String) {
    let text = String::from_utf8(answer.body.clone()).unwrap();
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let events: Vec<Value> = events.map(|data| serde_json::from_str(data).unwrap()).collect();
    let starts = events.iter().filter_map(|event| event.get("content_block"));
    let names = starts.map(|block| block["name"].as_str().unwrap_or("text").to_owned());
    let stops = events.iter().filter_map(|event| event.pointer("/delta/stop_reason"));
    let mut stops = stops;
    let stop = stops.find_map(Value::as_str).unwrap_or_default().to_owned();
    (names.collect(), stop)
}

#[test]
fn of_several_tool_calls_only_those_that_are_denied_are_taken_out() {
    let upstream = asking(&[
        ("read", r#"{"path":"a"}"#),
        ("bash", r#"{"command":"rm -r a"}"#),
        ("bash", r#"{"command":"ls"}"#),
    ]);
    let denying = policy(
        "forbid (principal, action == Action::\"local/bash\", resource)\n\
         when { context.argument_text like \"*rm *\" };",
    );
    let stage = Stage::start(&denying, &upstream.url(), PATIENT);
    let expected = ["read", "text", "bash"].map(str::to_owned).to_vec();
    assert_eq!(blocks(&question(&stage)), (expected, "tool_use".to_owned()));
    let (records, _folder) = stage.end();
    records.assert_complete();
    assert_eq!((records.count("call.denied"), records.count("message.relayed")), (1, 1));
}

#[test]
fn arguments_that_readers_could_read_differently_are_not_released() {
    let upstream = asking(&[
        ("bash", r#"{"command":"ls","command":"rm -r a"}"#),
        ("bash", r#"{"command":"#),
        ("bash", ""),
        ("bash", r#"["ls"]"#),
    ]);
    // It names local tools, and would let them all go.
    let allowing = policy("permit (principal, action == Action::\"local/bash\", resource);");
    let stage = Stage::start(&allowing, &upstream.url(), PATIENT);
    let expected = ["text", "text", "bash", "bash"].map(str::to_owned).to_vec();
    assert_eq!(blocks(&question(&stage)), (expected, "tool_use".to_owned()));
}

#[test]
fn tools_of_a_configured_server_are_judged_there_unless_a_policy_names_them_as_local() {
    let shop = ToolServer::start(&["refund", "cancel"], |call, connection| {
        connection.reply(200, &call.said("done"))
    });
    let upstream = asking(&[
        ("refund", r#"{"order":1}"#),
        ("mcp__gateway__shop__refund", r#"{"order":2}"#),
        ("cancel", r#"{"order":3}"#),
        ("bash", "{}"),
    ]);
    let denying = policy(
        "forbid (principal, action, resource in Server::\"local\");\n\
         forbid (principal, action == Action::\"local/cancel\", resource);",
    );
    let stage = Stage::with_shop(&denying, &upstream.url(), PATIENT, Some(shop.url()));
    let agents = stage.agents();
    let session = tests::mcp::session(agents, "/mcp/shop", &[]);
    let list = tests::mcp::plain(2, "tools/list");
    let headers = [("mcp-session-id", session.as_str())];
    let listed = tests::mcp::send(agents, "/mcp/shop", &headers, list);
    assert_eq!(listed.status(), 200, "{listed:?}");
    let (names, stop) = blocks(&question(&stage));
    assert_eq!(names, ["refund", "mcp__gateway__shop__refund", "text", "text"]);
    assert_eq!(stop, "tool_use");
}
