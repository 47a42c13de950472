//! A tool server that does exactly what a test tells it when a tool is called, byte by byte, and
//! what every other does with all other messages.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use crate::upstream::{Request, Upstream};
use crate::wire::Connection;

/// A call of a tool as it came.
#[derive(Clone, Debug)]
pub struct ToolCall {
    /// The id of the request.
    pub id: Value,
    /// The tool.
    pub name: String,
    /// All parameters.
    pub params: Value,
}

/// A scripted tool server; it listens until the process ends.
#[derive(Clone, Debug)]
pub struct ToolServer {
    upstream: Upstream,
}

impl ToolCall {
    /// The call in a request, if it is one.
    pub fn read(request: &Request) -> Option<Self> {
        let message: Value = serde_json::from_slice(&request.body).ok()?;
        let params = message.get("params").cloned().unwrap_or_default();
        (message.get("method")? == "tools/call").then(|| Self {
            id: message.get("id").cloned().unwrap_or_default(),
            name: text(&params, "/name").to_owned(),
            params,
        })
    }

    /// The response that the tool said this.
    pub fn said(&self, text: &str) -> String {
        let content = json!([{"type": "text", "text": text}]);
        response(&self.id, &json!({"content": content, "isError": false}))
    }
}

impl ToolServer {
    /// Starts one with these tools. For each call `script` writes what it wants to the connection;
    /// an error ends the connection.
    pub fn start<S>(tools: &[&str], script: S) -> Self
    where
        S: Fn(&ToolCall, &mut Connection) -> io::Result<()> + Send + Sync + 'static,
    {
        let schema = json!({"type": "object"});
        let tools: Vec<Value> =
            tools.iter().map(|name| json!({"name": name, "inputSchema": schema})).collect();
        Self::listing(move || tools.clone(), script)
    }

    /// The same with tools that are described anew whenever they are listed.
    pub fn listing<L, S>(tools: L, script: S) -> Self
    where
        L: Fn() -> Vec<Value> + Send + Sync + 'static,
        S: Fn(&ToolCall, &mut Connection) -> io::Result<()> + Send + Sync + 'static,
    {
        let sessions = AtomicU64::new(0);
        let upstream = Upstream::start(move |request, connection| match ToolCall::read(request) {
            Some(call) => script(&call, connection),
            None => answer(request, connection, &tools(), &sessions),
        });
        Self { upstream }
    }

    /// The line of the configuration that says where it is.
    pub fn url(&self) -> String {
        format!("url = \"http://{}/mcp\"", self.upstream.address)
    }

    /// The calls of tools that came so far.
    pub fn calls(&self) -> Vec<ToolCall> {
        self.upstream.seen().iter().filter_map(ToolCall::read).collect()
    }

    /// How many messages of any kind came so far. A GET brings none.
    pub fn messages(&self) -> usize {
        self.upstream.seen().iter().filter(|request| request.line.starts_with("POST")).count()
    }
}

/// What a tool server without anything but tools says to all that is no call of one.
fn answer(
    request: &Request,
    connection: &mut Connection,
    tools: &[Value],
    sessions: &AtomicU64,
) -> io::Result<()> {
    if !request.line.starts_with("POST") {
        let status = if request.line.starts_with("DELETE") { 200 } else { 405 };
        return connection.reply(status, "");
    }
    let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(id) = message.get("id").filter(|_| message.get("method").is_some()) else {
        return connection.reply(202, "");
    };
    let capabilities = json!({"tools": {}});
    match text(&message, "/method") {
        "initialize" => {
            let number = sessions.fetch_add(1, Ordering::Relaxed);
            let result = json!({
                "protocolVersion": text(&message, "/params/protocolVersion"),
                "capabilities": capabilities,
                "serverInfo": {"name": "scripted", "version": "1"},
            });
            let session = format!("mcp-session-id: scripted-{number}\r\n");
            connection.reply_with(200, &session, &response(id, &result))
        }
        "server/discover" => {
            let result = json!({"supportedVersions": [crate::mcp::MODERN],
                "capabilities": capabilities, "resultType": "complete"});
            connection.reply(200, &response(id, &result))
        }
        "ping" => connection.reply(200, &response(id, &json!({}))),
        "tools/list" => {
            // What the modern era must be told besides, the legacy one passes over.
            let result = json!({"tools": tools, "resultType": "complete", "ttlMs": 0,
                "cacheScope": "private"});
            connection.reply(200, &response(id, &result))
        }
        other => {
            let error = json!({"code": -32601, "message": format!("unknown method: `{other}`")});
            let body = json!({"jsonrpc": "2.0", "id": id, "error": error});
            connection.reply(200, &body.to_string())
        }
    }
}

fn response(id: &Value, result: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()
}

fn text<'v>(value: &'v Value, place: &str) -> &'v str {
    value.pointer(place).and_then(Value::as_str).unwrap_or_default()
}
