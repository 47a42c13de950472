//! The tools' side of an agent: an MCP client over Streamable HTTP, of either era.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use super::exchange::{Answered, ExchangeError, Exchanges};
use crate::standin::{
    conversation::Call,
    object::{list, set, text},
    recording::as_function,
    sse,
};

/// Which MCP an agent speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    /// 2025-11-25: a handshake and a session.
    Legacy,
    /// 2026-07-28: every request by itself.
    Modern,
}

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

const LEGACY_VERSION: &str = "2025-11-25";
const MODERN_VERSION: &str = "2026-07-28";

/// A connection to a tool server, for one session.
pub(super) struct Tools<'a> {
    exchanges: &'a Exchanges,
    url: &'a str,
    era: Era,
    session: Option<HeaderValue>,
    last_id: u64,
    requests: usize,
}

impl<'a> Tools<'a> {
    pub(super) fn new(exchanges: &'a Exchanges, url: &'a str, era: Era) -> Self {
        Self { exchanges, url, era, session: None, last_id: 0, requests: 0 }
    }

    /// How many requests were sent since the last time.
    pub(super) fn take_requests(&mut self) -> usize {
        std::mem::take(&mut self.requests)
    }

    /// Greets the server and gives its tools as functions for the model.
    pub(super) async fn open(&mut self) -> Result<Vec<Value>, ExchangeError> {
        match self.era {
            Era::Legacy => self.initialize().await?,
            Era::Modern => drop(self.request("server/discover", json!({})).await?),
        }
        let listed = self.request("tools/list", json!({})).await?;
        Ok(list(&listed, "/result/tools").iter().map(as_function).collect())
    }

    async fn initialize(&mut self) -> Result<(), ExchangeError> {
        let params = json!({
            "protocolVersion": LEGACY_VERSION,
            "capabilities": {},
            "clientInfo": client(),
        });
        let id = self.next_id();
        let message = json!({"jsonrpc": "2.0", "id": id, "method": "initialize", "params": params});
        let answered = self.post(HeaderMap::new(), &message).await?;
        result(&answered, id)?;
        self.session = answered.headers.get(SESSION).cloned();
        let message = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let answered = self.post(self.legacy_headers(), &message).await?;
        if answered.status == StatusCode::ACCEPTED { Ok(()) } else { Err(answered.unusable()) }
    }

    /// Calls a tool and gives the text of its result, also of one that says it failed. Told that
    /// people have to allow the call first, it asks again as it was told, for as long as it takes.
    pub(super) async fn call(&mut self, call: &Call) -> Result<String, ExchangeError> {
        let mut params = json!({"name": call.name, "arguments": call.arguments_value()});
        loop {
            let answer = self.request("tools/call", params.clone()).await?;
            if text(&answer, "/result/resultType") == "input_required" {
                let state = text(&answer, "/result/requestState");
                set(&mut params, "requestState", Value::from(state));
            } else if text(&answer, "/result/_meta/countersign~1code") != "approval_pending" {
                let parts = list(&answer, "/result/content");
                return Ok(parts.iter().map(|part| text(part, "/text")).collect());
            }
        }
    }

    /// Says goodbye where there is a session.
    pub(super) async fn close(&mut self) -> Result<(), ExchangeError> {
        if self.session.is_none() {
            return Ok(());
        }
        self.requests += 1;
        let headers = self.legacy_headers();
        let body = bytes::Bytes::new();
        let answered = self.exchanges.send(Method::DELETE, self.url, headers, body).await?;
        // A server need not let clients end sessions.
        let refused = answered.status == StatusCode::METHOD_NOT_ALLOWED;
        if answered.status.is_success() || refused { Ok(()) } else { Err(answered.unusable()) }
    }

    async fn request(&mut self, method: &str, mut params: Value) -> Result<Value, ExchangeError> {
        let headers = match self.era {
            Era::Legacy => self.legacy_headers(),
            Era::Modern => {
                set(&mut params, "_meta", metadata());
                modern_headers(method, text(&params, "/name"))
            }
        };
        let id = self.next_id();
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        result(&self.post(headers, &message).await?, id)
    }

    async fn post(
        &mut self,
        mut headers: HeaderMap,
        message: &Value,
    ) -> Result<Answered, ExchangeError> {
        self.requests += 1;
        let accepted = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(header::ACCEPT, accepted);
        let body = message.to_string().into();
        self.exchanges.send(Method::POST, self.url, headers, body).await
    }

    fn legacy_headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(VERSION, HeaderValue::from_static(LEGACY_VERSION));
        headers.extend(self.session.clone().map(|session| (SESSION, session)));
        headers
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

fn modern_headers(method: &str, name: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(VERSION, HeaderValue::from_static(MODERN_VERSION));
    headers.extend(HeaderValue::from_str(method).map(|value| (METHOD, value)));
    if !name.is_empty() {
        headers.extend(HeaderValue::from_str(name).map(|value| (NAME, value)));
    }
    headers
}

fn metadata() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": client(),
    })
}

fn client() -> Value {
    json!({"name": "demo-agent", "version": "1"})
}

/// The answer to the request with this id, from a JSON body or from an event stream.
fn result(answered: &Answered, id: u64) -> Result<Value, ExchangeError> {
    let body = str::from_utf8(&answered.body).map_err(|_| answered.unusable())?;
    let found = if answered.is_stream() {
        let messages = sse::data(body).filter_map(|data| serde_json::from_str(&data).ok());
        messages.into_iter().find(|message: &Value| message.get("id") == Some(&id.into()))
    } else {
        serde_json::from_str(body).ok()
    };
    found.filter(|answer| answer.get("result").is_some()).ok_or_else(|| answered.unusable())
}
