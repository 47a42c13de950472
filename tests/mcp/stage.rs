//! A gateway before the stand-in airline, and requests to it.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tests::gateway::{Gateway, Setup};
use tests::standins::Standins;
use tests::wire::{Answer, ask, post};

/// The key of an agent that may call one tool of the airline.
pub(crate) const NARROW_KEY: &str = "csk-the-key-of-an-agent-with-one-tool";

/// The version of requests that stand by themselves.
pub(crate) const MODERN: &str = "2026-07-28";

/// The airline and the gateway before it.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    standins: Standins,
}

impl Stage {
    /// Starts both; `more` changes the gateway's setup.
    pub(crate) fn start(more: impl FnOnce(Setup, &str) -> Setup) -> Self {
        let standins = Standins::start(Duration::ZERO);
        let url = standins.airline_url();
        let key = format!("printf %s '{NARROW_KEY}' | sha256sum");
        let hash = std::process::Command::new("sh").args(["-c", &key]).output().unwrap();
        let hash = String::from_utf8(hash.stdout).unwrap();
        let hash = hash.split(' ').next().unwrap_or_default().to_owned();
        let setup = Setup::new().tools("airline", &format!("url = \"{url}\"")).agent(
            "narrow",
            &format!("key_hash = \"sha256:{hash}\"\ntools = [\"airline/get_user*\"]"),
        );
        Self { gateway: more(setup, &url).start(), standins }
    }

    /// The airline and nothing else.
    pub(crate) fn plain() -> Self {
        Self::start(|setup, _| setup)
    }

    /// Sends one message.
    pub(crate) fn send(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        send(self.gateway.agents, path, headers, body)
    }

    /// Opens a session; gives its id.
    pub(crate) fn session(&self, path: &str, headers: &[(&str, &str)]) -> String {
        let answer = self.send(path, headers, &initialize().to_string());
        assert_eq!(answer.status(), 200, "{answer:?}");
        answer.head.header("mcp-session-id").unwrap_or_default().to_owned()
    }

    /// How many requests the airline has seen.
    pub(crate) fn seen(&self) -> u64 {
        self.standins.airline_requests()
    }
}

pub(crate) fn send(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let accept = ("accept", "application/json, text/event-stream");
    let headers = [&[accept], headers].concat();
    ask(to, post(path, &headers, body)).unwrap()
}

pub(crate) fn initialize() -> Value {
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
}

/// A call of a tool.
pub(crate) fn call(id: i64, tool: &str, arguments: &Value) -> String {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}

/// A request without parameters.
pub(crate) fn plain(id: i64, method: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {}}).to_string()
}

/// The names in a result of `tools/list`.
pub(crate) fn tool_names(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let tools =
        json.pointer("/result/tools").and_then(Value::as_array).cloned().unwrap_or_default();
    tools.iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect()
}
