//! One request of a visitor to one server of an endpoint: in the words of the server's era, over a
//! line that is opened when it must be.

use std::sync::Arc;

use http::StatusCode;

use crate::json;

use super::carrier::{Audience, Carried, Carrier, NoResponse};
use super::connect::{Visitor, own_meta};
use super::envelope::{META_CAPABILITIES, META_VERSION, METHOD_NOT_FOUND, Message};
use super::host::{Host, Open};
use super::http_line::Era;
use super::reply::Refusal;
use super::speaker::Speaker;

/// Where a request goes.
#[derive(Clone, Copy)]
pub(crate) struct To<'a> {
    /// The server's place.
    pub(crate) member: usize,
    /// The line to it.
    pub(crate) open: &'a Arc<Open>,
    /// The tool's name as the agent used it.
    pub(crate) exposed: Option<&'a str>,
}

impl Host {
    /// Carries a request to a server, and what the server says meanwhile to whom `speaker` speaks.
    pub(crate) async fn carry(
        &self,
        visitor: &Visitor,
        to: To<'_>,
        message: &Message<'_>,
        speaker: Option<&mut Speaker>,
    ) -> Result<Carried, NoResponse> {
        let talk = self.talk(visitor, to.member);
        let carrier = Carrier {
            bench: &self.bench,
            talk: &talk,
            line: &to.open.line,
            extra: &visitor.extra,
            merged: !self.is_plain(),
            listens: message.asks("subscriptions/listen"),
        };
        let audience = speaker.map(|speaker| Audience {
            speaker,
            floor: visitor.session.as_ref().map(|session| &*session.floor),
            member: to.member,
            id: message.id().unwrap_or("null"),
            modern: visitor.is_modern(),
        });
        carrier.carry(message, to.exposed, audience).await
    }

    /// As [`Host::carry`], over a line that is opened if it is not. A session that the server has
    /// forgotten is opened anew, once.
    pub(crate) async fn carry_open(
        &self,
        visitor: &Visitor,
        (member, exposed): (usize, Option<&str>),
        message: &Message<'_>,
        mut speaker: Option<&mut Speaker>,
    ) -> Result<Carried, NoResponse> {
        let open = self.connect(visitor, member).await?;
        let text = spoken(message.text, visitor, open.line.is_modern());
        let fitted = Message::read(text.as_bytes(), self.limits())
            .map_err(|malformed| Refusal::malformed(malformed.code, malformed.detail))?;
        let to = To { member, open: &open, exposed };
        match self.carry(visitor, to, &fitted, speaker.as_deref_mut()).await {
            Err(NoResponse::SessionGone(_)) if matches!(open.line.era(), Era::Legacy { .. }) => {
                self.reopen(visitor, member, &open).await;
                let open = self.connect(visitor, member).await?;
                let to = To { member, open: &open, exposed };
                self.carry(visitor, to, &fitted, speaker).await
            }
            carried => carried,
        }
    }
}

/// What a request of the modern era says about itself, and older servers may not take.
const MODERN_META: [&str; 4] = [
    META_VERSION,
    META_CAPABILITIES,
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/logLevel",
];

/// A request as the server's era wants it.
fn spoken(text: &str, visitor: &Visitor, modern: bool) -> String {
    if modern == visitor.is_modern() {
        return text.to_owned();
    }
    if !modern {
        let without = |text: String, key| {
            let path = ["params", "_meta", key];
            json::remove(&text, &path).unwrap_or(text)
        };
        return MODERN_META.into_iter().fold(text.to_owned(), without);
    }
    let meta = own_meta();
    let members = meta.as_object().into_iter().flatten();
    members.fold(text.to_owned(), |text, (key, value)| {
        json::set(&text, &["params", "_meta", key], &value.to_string()).unwrap_or(text)
    })
}

/// The HTTP status of a response: what the server gave, or what its era asks for.
pub(crate) fn status(response: &Message<'_>, modern: bool, given: u16) -> StatusCode {
    if let (Ok(given), true) = (StatusCode::from_u16(given), given > 0) {
        return given;
    }
    let code = response.value(&["error", "code"]).and_then(|code| code.parse::<i64>().ok());
    match code {
        Some(METHOD_NOT_FOUND) if modern => StatusCode::NOT_FOUND,
        Some(-32099..=-32020) if modern => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}
