//! JSON-RPC messages as the stand-in airline reads and writes them; not the gateway's envelope.

use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

use crate::standin::{
    body::Body,
    object::{set, text},
    server,
};

pub(super) const INVALID_REQUEST: i64 = -32600;
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
pub(super) const INVALID_PARAMS: i64 = -32602;
const PARSE_ERROR: i64 = -32700;

/// The header that names a legacy session.
pub(super) const SESSION: &str = "mcp-session-id";

/// A message from a client.
pub(super) struct Asked {
    /// None for a notification.
    pub(super) id: Option<Value>,
    /// Empty for an answer to a request of ours, of which there are none.
    pub(super) method: String,
    /// Null if there are none.
    pub(super) params: Value,
}

impl Asked {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Reply> {
        let Ok(message) = serde_json::from_slice::<Value>(bytes) else {
            return Err(Reply::refuse(None, PARSE_ERROR, "the body is not JSON"));
        };
        let id = message.get("id").filter(|id| id.is_string() || id.is_i64() || id.is_u64());
        if text(&message, "/jsonrpc") != "2.0" {
            return Err(Reply::refuse(id, INVALID_REQUEST, "the body is not one JSON-RPC message"));
        }
        Ok(Self {
            id: id.cloned(),
            method: text(&message, "/method").to_owned(),
            params: message.get("params").cloned().unwrap_or_default(),
        })
    }
}

/// What goes back to the client.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Option<Value>,
    /// The legacy session that was opened.
    pub(super) session: Option<String>,
}

impl Reply {
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, body: None, session: None }
    }

    pub(super) fn result(id: &Value, result: &Value) -> Self {
        let body = json!({"jsonrpc": "2.0", "id": id, "result": result});
        Self { status: StatusCode::OK, body: Some(body), session: None }
    }

    pub(super) fn error(status: StatusCode, id: Option<&Value>, code: i64, message: &str) -> Self {
        let error = json!({"code": code, "message": message});
        let body = json!({"jsonrpc": "2.0", "id": id, "error": error});
        Self { status, body: Some(body), session: None }
    }

    /// An error with status 400.
    pub(super) fn refuse(id: Option<&Value>, code: i64, message: &str) -> Self {
        Self::error(StatusCode::BAD_REQUEST, id, code, message)
    }

    /// Adds `data` to an error.
    pub(super) fn explained(mut self, data: Value) -> Self {
        if let Some(error) = self.body.as_mut().and_then(|body| body.get_mut("error")) {
            set(error, "data", data);
        }
        self
    }

    /// Adds the headers of this reply to a response.
    pub(super) fn head(&self, response: &mut Response<Body>) {
        let id = self.session.as_deref().and_then(|id| HeaderValue::from_str(id).ok());
        if let Some(id) = id {
            response.headers_mut().insert(SESSION, id);
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let mut response = if let Some(body) = &self.body {
            server::json(self.status, body)
        } else {
            let mut empty = Response::new(Body::whole(""));
            *empty.status_mut() = self.status;
            empty
        };
        self.head(&mut response);
        response
    }
}

/// A header as text; empty if it is missing or no visible ASCII.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
