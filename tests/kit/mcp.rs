//! Messages of MCP as agents write them, and how they send them.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::wire::{Answer, ask, post};

/// The version of requests that stand by themselves.
pub const MODERN: &str = "2026-07-28";

/// Each client of Streamable HTTP takes both forms of an answer.
const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");

/// A POST of a message, with these further headers.
pub fn sent(path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    post(path, &[&[ACCEPT], headers].concat(), body)
}

/// Sends a message over a connection of its own, and reads the answer.
pub fn send(
    to: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Answer {
    ask(to, sent(path, headers, body)).unwrap()
}

/// The request that opens a session.
pub fn initialize() -> Value {
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
}

/// Opens a session; gives its id.
pub fn session(to: SocketAddr, path: &str, headers: &[(&str, &str)]) -> String {
    let answer = send(to, path, headers, initialize().to_string());
    assert_eq!(answer.status(), 200, "{answer:?}");
    answer.head.header("mcp-session-id").unwrap_or_default().to_owned()
}

/// A call of a tool.
pub fn call(id: i64, tool: &str, arguments: &Value) -> String {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}

/// A call of a tool that stands by itself.
pub fn modern_call(id: i64, tool: &str, arguments: &Value) -> String {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}

/// The headers that repeat what [`modern_call`] says.
pub const fn modern_headers(tool: &str) -> [(&str, &str); 3] {
    [("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", tool)]
}

/// A request without parameters.
pub fn plain(id: i64, method: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {}}).to_string()
}

/// The names in a result of `tools/list`.
pub fn tool_names(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    let tools =
        json.pointer("/result/tools").and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |tool: &Value| tool.get("name").and_then(Value::as_str).map(str::to_owned);
    tools.iter().filter_map(name).collect()
}

/// The message in an answer that is one JSON body or an event stream: the last one in it.
pub fn message(body: &[u8]) -> Value {
    let text = String::from_utf8_lossy(body);
    let last = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back();
    serde_json::from_str(last.unwrap_or(&text))
        .unwrap_or_else(|error| panic!("{error}: no message in {text:?}"))
}
