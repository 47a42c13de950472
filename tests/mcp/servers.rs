//! Scripted tool servers: what one of either era says, message by message; and how an agent hears a
//! stream.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tests::upstream::{Request, Upstream};
use tests::wire::{AGENT_KEY, Connection, post};

use tests::mcp::MODERN;

/// The message of a request; null where it has none.
pub(crate) fn message(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap_or_default()
}

/// A response to a message.
pub(crate) fn response(asked: &Value, result: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": asked["id"], "result": result}).to_string()
}

/// A notification.
pub(crate) fn notification(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
}

/// What a modern server says that it is.
pub(crate) fn discovered() -> Value {
    json!({
        "resultType": "complete", "supportedVersions": [MODERN], "ttlMs": 0,
        "cacheScope": "private", "capabilities": {"tools": {"listChanged": true}},
    })
}

/// A notification of a subscription, as the modern era wants it.
pub(crate) fn tagged(asked: &Value, method: &str, params: &Value) -> String {
    let mut params = params.clone();
    params["_meta"] = json!({"io.modelcontextprotocol/subscriptionId": asked["id"]});
    notification(method, &params)
}

/// The acknowledgement of a subscription.
pub(crate) fn acknowledgement(asked: &Value) -> String {
    let params = json!({"notifications": asked["params"]["notifications"]});
    tagged(asked, "notifications/subscriptions/acknowledged", &params)
}

/// A stream that an agent hears.
pub(crate) struct Heard(pub(crate) Connection);

impl Heard {
    /// Opens a subscription of the modern era at the merged endpoint.
    pub(crate) fn subscribe(agents: SocketAddr, notifications: &Value) -> Self {
        let asked = modern("sub", "subscriptions/listen", &json!({"notifications": notifications}));
        let headers = [
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", MODERN),
            ("mcp-method", "subscriptions/listen"),
        ];
        let mut connection = Connection::open(agents).unwrap();
        connection.send(post("/mcp", &headers, asked)).unwrap();
        assert_eq!(connection.head().unwrap().status, 200);
        Self(connection)
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<Value> {
        while let Some(chunk) = self.0.chunk().unwrap() {
            let text = String::from_utf8(chunk).unwrap();
            if let Some(data) = text.lines().find_map(|line| line.strip_prefix("data: ")) {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
        None
    }

    /// The method of the next message.
    pub(crate) fn next_method(&mut self) -> String {
        let message = self.next().unwrap_or_else(|| panic!("the stream has ended"));
        message["method"].as_str().unwrap_or_default().to_owned()
    }
}

/// A request of the modern era.
pub(crate) fn modern(id: &str, method: &str, params: &Value) -> String {
    let mut params = params.clone();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

/// A GET with the agent's key.
pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\
         authorization: Bearer {AGENT_KEY}\r\n"
    );
    for (name, value) in headers {
        // Writing to a string does not fail.
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// Answers what is not looked at.
pub(crate) fn accepted(connection: &mut Connection) -> io::Result<()> {
    connection.send("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
}

/// A server of the legacy era with one tool, `work`, and these capabilities beside it. What is not
/// the handshake or a list is answered by `more`.
pub(crate) fn legacy<L>(capabilities: Value, more: L) -> Upstream
where
    L: Fn(&Request, &Value, &mut Connection) -> io::Result<()> + Send + Sync + 'static,
{
    Upstream::start(move |request, connection| {
        let asked = message(request);
        let method = asked["method"].as_str().unwrap_or_default();
        match method {
            "initialize" => {
                let mut result = json!({
                    "protocolVersion": "2025-11-25", "capabilities": capabilities,
                    "serverInfo": {"name": "scripted", "version": "1"},
                });
                result["capabilities"]["tools"] = json!({"listChanged": true});
                let body = response(&asked, &result);
                let length = body.len();
                connection.send(format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nmcp-session-id: one\r\n\
                     content-length: {length}\r\n\r\n{body}"
                ))
            }
            "server/discover" => {
                let error = json!({"code": -32000, "message": "not initialized"});
                let body = json!({"jsonrpc": "2.0", "id": asked["id"], "error": error});
                connection.reply(400, &body.to_string())
            }
            "tools/list" => {
                let tool = json!({"name": "work", "inputSchema": {"type": "object"}});
                connection.reply(200, &response(&asked, &json!({"tools": [tool]})))
            }
            "notifications/initialized" => accepted(connection),
            _ => more(request, &asked, connection),
        }
    })
}

/// The requests of this method that a server has seen.
pub(crate) fn asked(upstream: &Upstream, method: &str) -> Vec<Value> {
    let messages = upstream.seen();
    messages.iter().map(message).filter(|message| message["method"] == method).collect()
}
