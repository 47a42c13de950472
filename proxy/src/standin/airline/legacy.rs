//! MCP up to 2025-11-25: a handshake, then requests within a session.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Airline,
    message::{Asked, INVALID_PARAMS, METHOD_NOT_FOUND, Reply, SESSION, header},
};
use crate::standin::object::text;

/// The versions that are spoken, the newest first.
pub(super) const VERSIONS: [&str; 3] = ["2025-11-25", "2025-06-18", "2025-03-26"];

/// Sessions kept; the oldest is forgotten first, and its client is told to begin again (404).
const SESSIONS_MAX: usize = 4096;

/// The codes that the SDKs' servers give for a missing and for an unknown session.
const SESSION_MISSING: i64 = -32000;
const SESSION_UNKNOWN: i64 = -32001;

/// The sessions that were opened and not yet ended.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Open>);

#[derive(Default)]
struct Open {
    known: HashSet<String>,
    order: VecDeque<String>,
}

impl Sessions {
    /// Lets a message pass that opens a session or belongs to one.
    pub(super) fn admit(&self, headers: &HeaderMap, asked: &Asked) -> Result<(), Reply> {
        if asked.method == "initialize" {
            return Ok(());
        }
        let version = header(headers, "mcp-protocol-version");
        if !version.is_empty() && !VERSIONS.contains(&version) {
            let message = format!("unsupported protocol version: `{version}`");
            return Err(Reply::refuse(asked.id.as_ref(), SESSION_MISSING, &message));
        }
        self.find(headers, asked.id.as_ref())
    }

    fn find(&self, headers: &HeaderMap, id: Option<&Value>) -> Result<(), Reply> {
        let session = header(headers, SESSION);
        if session.is_empty() {
            return Err(Reply::refuse(
                id,
                SESSION_MISSING,
                "the header `MCP-Session-Id` is missing",
            ));
        }
        if !self.open().known.contains(session) {
            let message = "there is no such session";
            return Err(Reply::error(StatusCode::NOT_FOUND, id, SESSION_UNKNOWN, message));
        }
        Ok(())
    }

    /// Ends the session that a DELETE names.
    pub(super) fn end(&self, headers: &HeaderMap) -> Reply {
        if let Err(refusal) = self.find(headers, None) {
            return refusal;
        }
        let mut open = self.open();
        let session = header(headers, SESSION);
        open.known.remove(session);
        open.order.retain(|known| known != session);
        Reply::empty(StatusCode::OK)
    }

    fn begin(&self) -> Option<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let session = format!("{:032x}", u128::from_be_bytes(bytes));
        let mut open = self.open();
        if open.order.len() == SESSIONS_MAX
            && let Some(oldest) = open.order.pop_front()
        {
            open.known.remove(&oldest);
        }
        open.known.insert(session.clone());
        open.order.push_back(session.clone());
        Some(session)
    }

    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers an admitted message.
pub(super) fn answer(airline: &Airline, asked: &Asked) -> Reply {
    let Some(id) = &asked.id else {
        return Reply::empty(StatusCode::ACCEPTED);
    };
    match asked.method.as_str() {
        "initialize" => initialize(airline, asked, id),
        "ping" => Reply::result(id, &json!({})),
        "tools/list" => Reply::result(id, &json!({"tools": airline.tools()})),
        "tools/call" => match airline.call(&asked.params) {
            Ok(result) => Reply::result(id, &result),
            Err(message) => Reply::error(StatusCode::OK, Some(id), INVALID_PARAMS, &message),
        },
        "" => Reply::empty(StatusCode::ACCEPTED),
        other => {
            let message = format!("unknown method: `{other}`");
            Reply::error(StatusCode::OK, Some(id), METHOD_NOT_FOUND, &message)
        }
    }
}

fn initialize(airline: &Airline, asked: &Asked, id: &Value) -> Reply {
    let Some(session) = airline.sessions.begin() else {
        return Reply::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let [newest, ..] = VERSIONS;
    let wanted = text(&asked.params, "/protocolVersion");
    let version = VERSIONS.into_iter().find(|version| *version == wanted).unwrap_or(newest);
    let result = json!({
        "protocolVersion": version,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "airline", "version": "1.0.0"},
        "instructions": super::modern::INSTRUCTIONS,
    });
    let mut reply = Reply::result(id, &result);
    reply.session = Some(session);
    reply
}
