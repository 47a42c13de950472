//! A gateway before a scripted tool server, and a neighbour's call that runs while others
//! misbehave.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tests::gateway::{Gateway, OTHER_KEY, Setup};
use tests::mcp::{call, plain, send, sent, session};
use tests::patience::until;
use tests::tool_server::ToolServer;
use tests::wire::{Answer, Connection};

/// Where the one server is reached as it is, and among all others.
pub(crate) const PATHS: [&str; 2] = ["/mcp/tools", "/mcp"];

/// A tool server, the gateway before it, and a neighbour whose call is under way.
pub(crate) struct Neighbourhood {
    pub(crate) gateway: Gateway,
    server: ToolServer,
    before: usize,
    neighbour: Connection,
    go: Sender<()>,
}

impl Neighbourhood {
    /// Starts them, with tight limits.
    pub(crate) fn start() -> Self {
        let (go, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let server = ToolServer::start(&["echo", "wait"], move |call, connection| {
            if call.name == "wait" {
                gate.lock().unwrap().recv().unwrap_or_default();
            }
            connection.reply(200, &call.said("well"))
        });
        let gateway = Setup::new()
            .tools("tools", &server.url())
            .prefix("never")
            .agent("neighbour", "key = { env = \"OTHER_KEY\" }\ntools = [\"*\"]")
            .limit("body_bytes_max = \"1 MiB\"")
            .limit("header_timeout = \"300ms\"")
            .limit("body_timeout = \"300ms\"")
            .start();
        let key = format!("Bearer {OTHER_KEY}");
        let own = ("authorization", key.as_str());
        let id = session(gateway.agents, "/mcp/tools", &[own]);
        let mut neighbour = Connection::open(gateway.agents).unwrap();
        let body = call(7, "wait", &json!({}));
        neighbour.send(sent("/mcp/tools", &[own, ("mcp-session-id", &id)], body)).unwrap();
        until("the neighbour's call", || (!server.calls().is_empty()).then_some(()));
        let before = server.messages();
        Self { gateway, server, before, neighbour, go }
    }

    /// Opens a session at a path and lists what there is, which the server may see.
    pub(crate) fn session(&mut self, path: &str) -> String {
        let to = self.gateway.agents;
        let id = session(to, path, &[]);
        for method in ["tools/list", "prompts/list"] {
            send(to, path, &[("mcp-session-id", &id)], plain(2, method));
        }
        self.before = self.server.messages();
        id
    }

    /// The neighbour gets its answer, everything is complete, the server has seen nothing else, and
    /// these refusals alone are on record, with the code and status of each.
    pub(crate) fn check(mut self, expected: &[(&str, u16)]) {
        assert_eq!(self.server.messages(), self.before, "something reached the tool server");
        self.go.send(()).unwrap();
        let answer = self.neighbour.answer().unwrap();
        assert_eq!((answer.status(), answer.json()["id"].clone()), (200, json!(7)));
        self.gateway.recorded("all refusals", |records| records.refused().len() >= expected.len());
        let records = self.gateway.stop_and_check();
        records.assert_refused(expected);
    }
}

/// The code and the gateway's own code of an error that MCP clients understand; `id` is that of the
/// request as JSON.
pub(crate) fn told(answer: &Answer, id: &str) -> (i64, String) {
    let body = answer.json();
    assert_eq!((body["jsonrpc"].clone(), body["id"].to_string()), (json!("2.0"), id.to_owned()));
    assert!(body["error"]["message"].as_str().is_some_and(|text| text.len() > 10), "{body}");
    assert_eq!(answer.head.header("content-type"), Some("application/json"));
    assert!(answer.head.header("x-request-id").is_some_and(|id| !id.is_empty()), "{answer:?}");
    let code = body["error"]["code"].as_i64().unwrap();
    (code, body["error"]["data"]["code"].as_str().unwrap_or_default().to_owned())
}
