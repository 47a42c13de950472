//! When the ledger cannot record, no tool is called; and when it cannot record how a call ended,
//! its result is withheld, and the agent is told which of the two it was.

use std::time::Instant;

use events::Event;
use serde_json::{Value, json};
use tests::disk::{SmallDisk, noise};
use tests::gateway::{Gateway, Setup};
use tests::mcp::{call, message, plain, send, sent, session};
use tests::patience::PATIENCE;
use tests::tool_server::ToolServer;
use tests::wire::{Answer, Connection};

use crate::neighbour::PATHS;

/// More than what is left on a full disk.
const LARGE: usize = 2 << 20;

/// A gateway with a session at each path, whose ledger has no room for a large call.
fn full(disk: &SmallDisk, server: &ToolServer) -> (Gateway, [String; 2]) {
    let setup = Setup::new().tools("tools", &server.url()).prefix("never");
    let gateway = setup.data(&disk.data()).start();
    let sessions = PATHS.map(|path| session(gateway.agents, path, &[]));
    for (path, id) in PATHS.into_iter().zip(&sessions) {
        let own = [("mcp-session-id", id.as_str())];
        send(gateway.agents, path, &own, plain(2, "tools/list"));
    }
    disk.fill();
    (gateway, sessions)
}

/// What an agent understands of a refusal: its code, and whether it may send the request again.
fn told(answer: &Answer) -> (String, bool) {
    let body = message(&answer.body);
    assert!(body["error"]["message"].as_str().is_some_and(|text| text.len() > 10), "{body}");
    let code = body["error"]["data"]["code"].as_str().unwrap_or_default().to_owned();
    (code, answer.head.header("retry-after").is_some())
}

#[test]
fn on_a_full_disk_no_tool_is_called_and_agents_are_told_in_time_that_nothing_was_done() {
    let Some(disk) = SmallDisk::mount() else { return };
    let server =
        ToolServer::start(&["echo"], |call, connection| connection.reply(200, &call.said("well")));
    let (mut gateway, sessions) = full(&disk, &server);
    let seen = server.messages();
    let large = call(9, "echo", &json!({"text": noise(LARGE)}));
    let ask = |path, id: &str| send(gateway.agents, path, &[("mcp-session-id", id)], &large);
    for (path, id) in PATHS.into_iter().zip(&sessions) {
        let began = Instant::now();
        let answer = ask(path, id);
        assert!(began.elapsed() < PATIENCE, "{path}: it took {:?}", began.elapsed());
        assert_eq!((answer.status(), answer.json()["id"].clone()), (503, json!(9)), "{path}");
        assert_eq!(told(&answer), ("ledger_unavailable".into(), true), "{path}");
    }
    assert_eq!(server.messages(), seen, "nothing went upstream unrecorded");
    disk.free();
    for (path, id) in PATHS.into_iter().zip(&sessions) {
        assert_eq!(ask(path, id).status(), 200, "{path}");
    }
    let records = gateway.stop_and_check();
    let outcomes = records.outcomes_of_tool("echo");
    assert!(matches!(outcomes[..], [Event::CallCompleted(_), Event::CallCompleted(_)]));
}

#[test]
fn a_result_whose_outcome_has_no_room_is_withheld_and_in_doubt_after_the_next_start() {
    let Some(disk) = SmallDisk::mount() else { return };
    let large = noise(LARGE);
    let server = ToolServer::start(&["whole", "stream"], move |call, connection| {
        if call.name == "whole" {
            return connection.reply(200, &call.said(&large));
        }
        connection.begin_stream()?;
        connection.event(&call.said(&large))?;
        connection.end_stream()
    });
    let (mut gateway, sessions) = full(&disk, &server);
    for (path, id) in PATHS.into_iter().zip(&sessions) {
        for tool in ["whole", "stream"] {
            let mut connection = Connection::open(gateway.agents).unwrap();
            let own = [("mcp-session-id", id.as_str())];
            connection.send(sent(path, &own, call(9, tool, &json!({})))).unwrap();
            let (answer, whole) = connection.whatever().unwrap();
            let streams = answer.head.header("content-type") == Some("text/event-stream");
            let status = if streams { 200 } else { 503 };
            assert_eq!((answer.status(), whole), (status, !streams), "{tool} at {path}");
            assert!(answer.body.len() < LARGE, "{tool} at {path}: the result was released");
            assert_eq!(told(&answer), ("outcome_unrecorded".into(), false), "{tool} at {path}");
        }
    }
    assert_eq!(server.calls().len(), 4, "each was called once");
    disk.free();
    gateway.stop();
    let mut gateway = gateway.again();
    let records = gateway.stop_and_check();
    for tool in ["whole", "stream"] {
        let outcomes = records.outcomes_of_tool(tool);
        assert!(matches!(outcomes[..], [Event::CallInDoubt(_), Event::CallInDoubt(_)]), "{tool}");
    }
}

#[test]
fn what_a_tool_server_asks_on_the_way_is_withheld_if_it_has_no_room_and_so_is_the_rest() {
    let Some(disk) = SmallDisk::mount() else { return };
    let params: Value = json!({"messages": [], "text": noise(LARGE)});
    let question = json!({"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage",
        "params": params});
    let question = question.to_string();
    let server = ToolServer::start(&["asking"], move |call, connection| {
        connection.begin_stream()?;
        connection.event(&question)?;
        connection.event(&call.said("well"))?;
        connection.end_stream()
    });
    let (mut gateway, sessions) = full(&disk, &server);
    for (path, id) in PATHS.into_iter().zip(&sessions) {
        let mut connection = Connection::open(gateway.agents).unwrap();
        let own = [("mcp-session-id", id.as_str())];
        connection.send(sent(path, &own, call(9, "asking", &json!({})))).unwrap();
        let answer = connection.whatever().unwrap().0;
        assert!(answer.body.len() < LARGE, "{path}: the question was released");
        assert_eq!(told(&answer), ("outcome_unrecorded".into(), false), "{path}");
    }
    disk.free();
    gateway.stop();
    gateway.again().stop_and_check();
}
