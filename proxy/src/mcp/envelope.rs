//! One JSON-RPC message, read strictly into slices of its own text; not what the gateway does with
//! it.
//!
//! Source: Model Context Protocol, "Base protocol", 2025-11-25 and 2026-07-28. Batches, null ids
//! and parameters of the wrong type are refused, because two readers may disagree on what they
//! mean.

use std::borrow::Cow;

use crate::json::{self, Limits, Member};

/// JSON-RPC: the body is not JSON.
pub(crate) const PARSE_ERROR: i64 = -32700;
/// JSON-RPC: the body is not a request.
pub(crate) const INVALID_REQUEST: i64 = -32600;
/// JSON-RPC: nobody serves this method.
pub(crate) const METHOD_NOT_FOUND: i64 = -32601;
/// JSON-RPC: the parameters are not what the method takes.
pub(crate) const INVALID_PARAMS: i64 = -32602;

/// Where a request of 2026-07-28 says which version it speaks.
pub(crate) const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Where it says what its client can do.
pub(crate) const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// A message whose shape has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'t> {
    /// All of it.
    pub text: &'t str,
    /// What it is.
    pub kind: Kind<'t>,
}

/// The three kinds of message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind<'t> {
    /// Wants a response with the same id.
    Request {
        /// The id as written, with its quotes if it is a string.
        id: &'t str,
        /// The method.
        method: Cow<'t, str>,
    },
    /// Wants none.
    Notification {
        /// The method.
        method: Cow<'t, str>,
    },
    /// Answers a request.
    Response {
        /// The id as written; `None` for an error about a request whose id could not be read.
        id: Option<&'t str>,
        /// Whether it is an error.
        error: bool,
    },
}

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Malformed {
    /// The JSON-RPC error code that says so.
    pub code: i64,
    /// What is wrong.
    pub detail: String,
    /// The id of the request, as written, where there is a usable one.
    pub id: Option<String>,
}

impl Malformed {
    fn new(code: i64, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), id: None }
    }
}

impl<'t> Message<'t> {
    /// Reads one message. The text is then safe for every function of [`crate::json`].
    pub fn read(bytes: &'t [u8], limits: Limits) -> Result<Self, Malformed> {
        let text = json::check(bytes, limits).map_err(|fault| {
            Malformed::new(PARSE_ERROR, format!("the body is not JSON: {fault}"))
        })?;
        if text.trim_ascii_start().starts_with('[') {
            return Err(Malformed::new(INVALID_REQUEST, "batches are not part of this protocol"));
        }
        if !text.trim_ascii_start().starts_with('{') {
            return Err(Malformed::new(INVALID_REQUEST, "the body is not a JSON object"));
        }
        let kind = Members::read(text)?.kind()?;
        let message = Self { text, kind };
        message.check_params().map_err(|mut malformed| {
            malformed.id = message.id().map(str::to_owned);
            malformed
        })?;
        Ok(message)
    }

    /// The id of a request or response, as written.
    pub fn id(&self) -> Option<&'t str> {
        match self.kind {
            Kind::Request { id, .. } => Some(id),
            Kind::Response { id, .. } => id,
            Kind::Notification { .. } => None,
        }
    }

    /// The method; `response` for a response.
    pub fn method(&self) -> &str {
        match &self.kind {
            Kind::Request { method, .. } | Kind::Notification { method } => method,
            Kind::Response { .. } => "response",
        }
    }

    /// Whether it is a request of this method.
    pub fn asks(&self, wanted: &str) -> bool {
        matches!(&self.kind, Kind::Request { method, .. } if method == wanted)
    }

    /// Whether it answers the request with this id.
    pub fn answers(&self, wanted: &str) -> bool {
        matches!(self.kind, Kind::Response { id: Some(id), .. } if id == wanted)
    }

    /// The raw value at a path.
    pub fn value(&self, path: &[&str]) -> Option<&'t str> {
        json::find(self.text, path).map(|part| part.text)
    }

    /// The text at a path, if it is a string.
    pub fn string(&self, path: &[&str]) -> Option<Cow<'t, str>> {
        self.value(path).and_then(json::string)
    }

    /// What the request is about: a tool, a prompt, a resource, a task.
    pub fn target(&self) -> Option<Cow<'t, str>> {
        target_key(self.method()).and_then(|key| self.string(&["params", key]))
    }

    /// The version that a request of the modern era says it speaks.
    pub fn meta_version(&self) -> Option<Cow<'t, str>> {
        self.string(&["params", "_meta", META_VERSION])
    }

    fn check_params(&self) -> Result<(), Malformed> {
        if matches!(self.kind, Kind::Response { .. }) {
            return Ok(());
        }
        self.check_one(&["params"], false, "an object", is_object)?;
        self.check_one(&["params", "_meta"], false, "an object", is_object)?;
        self.check_one(&["params", "_meta", META_VERSION], false, "a string", is_string)?;
        self.check_one(&["params", "_meta", META_CAPABILITIES], false, "an object", is_object)?;
        self.check_one(&["params", "_meta", "progressToken"], false, "a token", is_token)?;
        self.check_one(&["params", "cursor"], false, "a string", is_string)?;
        match self.method() {
            "tools/call" | "prompts/get" => {
                self.check_one(&["params", "name"], true, "a string", is_string)?;
                self.check_one(&["params", "arguments"], false, "an object", is_object)
            }
            "resources/read" => self.check_one(&["params", "uri"], true, "a string", is_string),
            // Not every era has the methods below, and whoever lacks one must be free to say so
            // whatever its parameters are; only what is there is checked.
            "resources/subscribe" | "resources/unsubscribe" => {
                self.check_one(&["params", "uri"], false, "a string", is_string)
            }
            "tasks/get" | "tasks/update" | "tasks/cancel" | "tasks/result" => {
                self.check_one(&["params", "taskId"], false, "a string", is_string)
            }
            "initialize" => {
                self.check_one(&["params", "protocolVersion"], false, "a string", is_string)?;
                self.check_one(&["params", "capabilities"], false, "an object", is_object)
            }
            "logging/setLevel" => {
                self.check_one(&["params", "level"], false, "a string", is_string)
            }
            "completion/complete" => {
                self.check_one(&["params", "ref"], false, "an object", is_object)
            }
            "notifications/cancelled" => {
                self.check_one(&["params", "requestId"], false, "an id", is_token)
            }
            _ => Ok(()),
        }
    }

    fn check_one(
        &self,
        path: &[&str],
        required: bool,
        wanted: &str,
        fits: fn(&str) -> bool,
    ) -> Result<(), Malformed> {
        match self.value(path) {
            Some(value) if fits(value) => Ok(()),
            None if !required => Ok(()),
            found => {
                let state = if found.is_some() { "is something else" } else { "is missing" };
                let detail = format!(
                    "`{}` of `{}` must be {wanted} and {state}",
                    path.join("."),
                    self.method()
                );
                Err(Malformed::new(INVALID_PARAMS, detail))
            }
        }
    }
}

/// Which parameter says what a request of this method is about (and what `Mcp-Name` repeats).
pub(crate) fn target_key(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" | "tasks/result" => Some("taskId"),
        _ => None,
    }
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The members of the outermost object that JSON-RPC knows.
#[derive(Default)]
struct Members<'t> {
    id: Option<&'t str>,
    method: Option<&'t str>,
    result: Option<&'t str>,
    error: Option<&'t str>,
    version: Option<&'t str>,
}

impl<'t> Members<'t> {
    fn read(text: &'t str) -> Result<Self, Malformed> {
        let mut found = Self::default();
        for Member { key, value } in json::members(text) {
            match json::string(key.text).as_deref() {
                Some("id") => found.id = Some(value.text),
                Some("method") => found.method = Some(value.text),
                Some("result") => found.result = Some(value.text),
                Some("error") => found.error = Some(value.text),
                Some("jsonrpc") => found.version = Some(value.text),
                _ => {}
            }
        }
        if found.version.and_then(json::string).as_deref() != Some("2.0") {
            return Err(Malformed::new(INVALID_REQUEST, "`jsonrpc` must be \"2.0\""));
        }
        Ok(found)
    }

    fn kind(self) -> Result<Kind<'t>, Malformed> {
        let invalid = |detail: &str| Err(Malformed::new(INVALID_REQUEST, detail));
        let id = match self.id {
            Some("null") if self.error.is_some() => None,
            Some(id) if !is_id(id) => return invalid("`id` must be a string or an integer"),
            id => id,
        };
        if let Some(method) = self.method {
            if self.result.is_some() || self.error.is_some() {
                return invalid("a message has either `method` or `result` or `error`");
            }
            let Some(method) = json::string(method).filter(|method| !method.is_empty()) else {
                return invalid("`method` must be a string");
            };
            return Ok(match id {
                Some(id) => Kind::Request { id, method },
                None => Kind::Notification { method },
            });
        }
        match (id, self.result, self.error) {
            (id, None, Some(error)) if is_object(error) => Ok(Kind::Response { id, error: true }),
            (_, None, Some(_)) => invalid("`error` must be an object"),
            (Some(id), Some(_), None) => Ok(Kind::Response { id: Some(id), error: false }),
            (None, Some(_), None) => invalid("a response must have the `id` of its request"),
            _ => invalid("a message has exactly one of `method`, `result` and `error`"),
        }
    }
}

fn is_object(raw: &str) -> bool {
    raw.starts_with('{')
}

fn is_string(raw: &str) -> bool {
    raw.starts_with('"')
}

/// A string, or an integer as JSON writes it: no fraction, no exponent.
fn is_id(raw: &str) -> bool {
    is_string(raw) || raw.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// A string or a number: clients may use fractions for progress tokens of their own.
fn is_token(raw: &str) -> bool {
    is_string(raw) || raw.starts_with(|first: char| first.is_ascii_digit() || first == '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Message<'_>, Malformed> {
        Message::read(text.as_bytes(), Limits::default())
    }

    #[test]
    fn the_three_kinds_are_told_apart() {
        let request =
            read(r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"x"}}"#);
        let request = request.unwrap();
        assert!(request.asks("tools/call") && request.id() == Some("\"a\""));
        assert_eq!(request.target().as_deref(), Some("x"));
        let note = read(r#" {"jsonrpc":"2.0","method":"notifications/initialized"} "#).unwrap();
        assert_eq!(note.kind, Kind::Notification { method: "notifications/initialized".into() });
        let response = read(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#).unwrap();
        assert!(response.answers("7") && !response.answers("\"7\""));
        let error = read(r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}"#).unwrap();
        assert_eq!(error.kind, Kind::Response { id: None, error: true });
    }

    #[test]
    fn what_two_readers_may_read_differently_is_refused() {
        for (text, code) in [
            (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, PARSE_ERROR),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":7}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, INVALID_PARAMS),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","result":{}}"#, INVALID_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, INVALID_PARAMS),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":1}}"#,
                INVALID_PARAMS,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"","arguments":[]}}"#,
                INVALID_PARAMS,
            ),
            (r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{}}"#, INVALID_PARAMS),
            (r#""ping""#, INVALID_REQUEST),
            ("", PARSE_ERROR),
        ] {
            assert_eq!(read(text).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn a_refusal_of_parameters_names_the_request() {
        let refused = read(r#"{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{}}"#);
        assert_eq!(refused.unwrap_err().id.as_deref(), Some("\"q\""));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Message::read(&bytes, Limits::default()));
        }

        #[test]
        fn what_is_read_is_what_every_other_reader_reads(
            id in any::<i64>(), method in "[a-z/]{1,12}x", name in ".{0,12}",
        ) {
            let value = serde_json::json!({
                "params": {"name": name, "arguments": {}}, "id": id,
                "jsonrpc": "2.0", "method": method,
            });
            let text = value.to_string();
            let message = read(&text).unwrap();
            prop_assert_eq!(message.method(), method);
            let id = id.to_string();
            prop_assert_eq!(message.id(), Some(id.as_str()));
            prop_assert_eq!(message.string(&["params", "name"]).unwrap(), name);
        }
    }
}
