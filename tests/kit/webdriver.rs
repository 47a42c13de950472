//! The `WebDriver` protocol, as far as a browser is driven with it.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::group::Group;
use crate::wire::ask;

/// The key of an element's id (`WebDriver` §12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One session of a browser; the browser ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    address: SocketAddr,
    path: String,
    _driver: Group,
}

/// Why the browser did not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The protocol's word for it, such as `no such element`.
    pub error: String,
    /// The same at length.
    pub message: String,
}

impl Session {
    /// Starts a driver, and a browser with these capabilities.
    pub(crate) fn start(capabilities: &Value) -> Self {
        let driver = Group::start(&["--browser"]);
        let address = loop {
            let line = driver.line();
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                let port: u16 = port.trim_end_matches('.').parse().unwrap();
                break SocketAddr::from(([127, 0, 0, 1], port));
            }
        };
        let mut session = Self { address, path: String::new(), _driver: driver };
        let wanted = json!({"capabilities": {"alwaysMatch": capabilities}});
        let started = session.call("POST", "/session", &wanted);
        let started = started.unwrap_or_else(|refusal| panic!("no browser: {refusal:?}"));
        let id = started.get("sessionId").and_then(Value::as_str);
        let id = id.unwrap_or_else(|| panic!("a browser without a session: {started}"));
        session.path = format!("/session/{id}");
        session
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Result<Value, Refusal> {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let request = format!(
            "{method} {}{path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.path,
            self.address,
            body.len()
        );
        let answer = ask(self.address, request);
        let answer = answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let mut json = answer.json();
        let value = json.get_mut("value").map(Value::take).unwrap_or_default();
        if answer.status() == 200 {
            return Ok(value);
        }
        let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
        Err(Refusal { error: text("error").to_owned(), message: text("message").to_owned() })
    }

    /// Tells the browser something.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value, Refusal> {
        self.call("POST", path, body)
    }

    /// Asks the browser something.
    pub(crate) fn get(&self, path: &str) -> Result<Value, Refusal> {
        self.call("GET", path, &Value::Null)
    }

    /// Takes something away.
    pub(crate) fn delete(&self, path: &str) -> Result<Value, Refusal> {
        self.call("DELETE", path, &Value::Null)
    }

    /// A command of the browser's own protocol for its developer tools.
    pub(crate) fn tools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        let done = self.post("/goog/cdp/execute", &body);
        done.unwrap_or_else(|refusal| panic!("{command}: {refusal:?}"))
    }

    /// What one of the browser's logs has had to say since it was asked last.
    pub(crate) fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.post("/se/log", &json!({"type": kind}));
        let entries = entries.unwrap_or_else(|refusal| panic!("its log {kind}: {refusal:?}"));
        entries.as_array().cloned().unwrap_or_default()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // It may have ended by itself, and its driver with it.
        let path = &self.path;
        let request = format!("DELETE {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address);
        drop(ask(self.address, request));
    }
}

/// The id in an answer that is an element.
pub(crate) fn element_id(value: &Value) -> Option<String> {
    value.get(ELEMENT).and_then(Value::as_str).map(str::to_owned)
}

/// An element as an argument of a script.
pub(crate) fn element_value(id: &str) -> Value {
    json!({ELEMENT: id})
}
