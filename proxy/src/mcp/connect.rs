//! Opens lines to servers on behalf of the merged endpoint: finds out which era a server speaks,
//! beginning with the agent's own, and agrees on it. Every message of it is on record.

use std::sync::Arc;

use events::{FailureReason, Relay};
use http::HeaderMap;
use serde_json::json;

use super::carrier::{Carried, Carrier, NoResponse};
use super::clerk::{Failure, Talk};
use super::envelope::{META_CAPABILITIES, META_VERSION, Message, quoted};
use super::headers::MODERN;
use super::host::{Host, Open, Session};
use super::http_line::Era;
use super::line::Line;
use super::reply::Refusal;

/// The newest version with sessions.
pub(crate) const LEGACY: &str = "2025-11-25";

const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// For whom a line is opened or used.
#[derive(Clone)]
pub(crate) struct Visitor {
    /// The agent, the session and the endpoint; the server is filled in for each.
    pub(crate) talk: Talk,
    /// The session, in the legacy era.
    pub(crate) session: Option<Arc<Session>>,
    /// Headers of the agent that servers should see.
    pub(crate) extra: HeaderMap,
}

impl Visitor {
    /// Whether the agent speaks the modern era.
    pub(crate) fn is_modern(&self) -> bool {
        self.session.is_none()
    }
}

impl Host {
    /// How the visitor talks to one server.
    pub(crate) fn talk(&self, visitor: &Visitor, member: usize) -> Talk {
        let name =
            self.members.get(member).map_or_else(|| "".into(), |member| Arc::clone(&member.name));
        Talk { server: name, ..visitor.talk.clone() }
    }

    /// The open line to a server, opened if it is not.
    pub(crate) async fn connect(
        &self,
        visitor: &Visitor,
        member: usize,
    ) -> Result<Arc<Open>, Refusal> {
        let slot = self.slot(visitor.session.as_deref(), &visitor.talk.caller, member);
        let mut place = slot.0.lock().await;
        if let Some(open) = place.as_ref().filter(|open| open.line.is_open()) {
            return Ok(Arc::clone(open));
        }
        let (line, said) = self.line(visitor.session.as_ref(), member).await?;
        let open = Arc::new(self.agree(visitor, member, line).await?);
        let talk = self.talk(visitor, member);
        self.attend(visitor.session.as_ref(), &open, said, (talk, member));
        *place = Some(Arc::clone(&open));
        Ok(open)
    }

    /// Closes a line that its server does not know any more, so that the next use opens another.
    pub(crate) async fn reopen(&self, visitor: &Visitor, member: usize, stale: &Arc<Open>) {
        let slot = self.slot(visitor.session.as_deref(), &visitor.talk.caller, member);
        let mut place = slot.0.lock().await;
        if place.as_ref().is_some_and(|open| Arc::ptr_eq(open, stale)) {
            *place = None;
        }
        stale.news.end();
    }

    async fn agree(
        &self,
        visitor: &Visitor,
        member: usize,
        mut line: Line,
    ) -> Result<Open, Refusal> {
        let talk = self.talk(visitor, member);
        let order = if visitor.is_modern() { [true, false] } else { [false, true] };
        let mut last = None;
        for modern in order {
            let tried = if modern {
                self.discover(&talk, &mut line).await
            } else {
                self.initialize(&talk, visitor.session.as_deref(), &mut line).await
            };
            match tried {
                Ok(Some(capabilities)) => return Ok(Open::new(line, capabilities)),
                Ok(None) => {}
                Err(refusal) => last = Some(refusal),
            }
        }
        Err(last.unwrap_or_else(|| {
            let detail = "it speaks no version of the protocol that the gateway knows";
            Failure::new(FailureReason::Garbled, detail).refusal()
        }))
    }

    /// Asks a server what it is, in the modern era. `None` when it does not speak that.
    async fn discover(&self, talk: &Talk, line: &mut Line) -> Result<Option<String>, Refusal> {
        let text = json!({
            "jsonrpc": "2.0",
            "id": "countersign-discover",
            "method": "server/discover",
            "params": {"_meta": own_meta()},
        });
        line.agree(Era::Modern);
        let Some(carried) = self.handshake(talk, line, &text.to_string()).await? else {
            line.agree(Era::Unknown);
            return Ok(None);
        };
        let Ok(response) = Message::read(carried.text.as_bytes(), self.limits()) else {
            return Ok(None);
        };
        let Some(result) = response.value(&["result"]) else {
            line.agree(Era::Unknown);
            return Ok(None);
        };
        let capabilities = crate::json::find(result, &["capabilities"]);
        Ok(Some(capabilities.map_or("{}", |part| part.text).to_owned()))
    }

    /// Opens a session at a server. `None` when it has none to offer.
    async fn initialize(
        &self,
        talk: &Talk,
        session: Option<&Session>,
        line: &mut Line,
    ) -> Result<Option<String>, Refusal> {
        let stateless = json!({
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": {"name": "countersign", "version": env!("CARGO_PKG_VERSION")},
        });
        let hello = session.map_or_else(|| stateless.to_string(), |session| session.hello.clone());
        let id = quoted("countersign-initialize");
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{hello}}}"#);
        let Some(carried) = self.handshake(talk, line, &text).await? else { return Ok(None) };
        let Ok(response) = Message::read(carried.text.as_bytes(), self.limits()) else {
            return Ok(None);
        };
        let Some(version) = response.string(&["result", "protocolVersion"]) else {
            return Ok(None);
        };
        line.agree(Era::Legacy { session: carried.session, version: version.into_owned() });
        let Ok(note) = Message::read(INITIALIZED.as_bytes(), self.limits()) else {
            return Ok(None);
        };
        let said = (note.method(), INITIALIZED.as_bytes());
        let permit = self.bench.clerk.relay(talk, Relay::ToUpstream, None, said).await?;
        line.tell(permit, &note).await.map_err(|failure| failure.refusal())?;
        let capabilities = response.value(&["result", "capabilities"]);
        Ok(Some(capabilities.unwrap_or("{}").to_owned()))
    }

    /// One exchange of a handshake; `None` when the server answered, but not with a message: it
    /// does not understand.
    async fn handshake(
        &self,
        talk: &Talk,
        line: &Line,
        text: &str,
    ) -> Result<Option<Carried>, Refusal> {
        let Ok(message) = Message::read(text.as_bytes(), self.limits()) else {
            let detail = "the agent's own handshake cannot be passed on";
            return Err(Refusal::malformed(super::envelope::INVALID_PARAMS, detail));
        };
        let carrier = Carrier {
            bench: &self.bench,
            talk,
            line,
            extra: &HeaderMap::new(),
            merged: true,
            listens: false,
        };
        match carrier.carry(&message, None, None).await {
            Ok(answer) => Ok(Some(answer)),
            Err(NoResponse::Refused(refusal))
                if refusal.problem.code == crate::problem::ErrorCode::UpstreamBroken
                    && matches!(line, Line::Http(_)) =>
            {
                Ok(None)
            }
            Err(NoResponse::Refused(refusal) | NoResponse::SessionGone(refusal)) => Err(refusal),
            Err(NoResponse::Cancelled) => Ok(None),
        }
    }
}

/// What the gateway says of itself to servers of the modern era.
pub(crate) fn own_meta() -> serde_json::Value {
    json!({
        META_VERSION: MODERN,
        META_CAPABILITIES: {},
        "io.modelcontextprotocol/clientInfo":
            {"name": "countersign", "version": env!("CARGO_PKG_VERSION")},
    })
}
