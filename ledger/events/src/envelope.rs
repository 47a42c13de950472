//! An event with its id, time and context as a CloudEvents 1.0 JSON object; its canonical bytes.
//!
//! The members stand in the order of RFC 8785 (JCS), strings are escaped and integers printed as
//! it says, and no event has other numbers, so that the encoding below *is* the canonical form.

use crate::{CallId, Event, EventId, Fact, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// The version of the vocabulary, as CloudEvents `dataschema`.
pub const SCHEMA: &str = "urn:countersign:events:1";

/// How many digits `sequence` has, so that its text sorts as its number does.
pub const SEQUENCE_DIGITS: usize = 20;

const SEQUENCE_BLANK: &str = "\"sequence\":\"00000000000000000000\"";

/// An event that is about to be recorded: everything but its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft<F> {
    /// Its id.
    pub id: EventId,
    /// When it happened.
    pub time: Timestamp,
    /// The session it belongs to.
    pub session: Option<SessionId>,
    /// The event or call that caused it.
    pub cause: Option<EventId>,
    /// The call it is about.
    pub call: Option<CallId>,
    /// What happened.
    pub fact: F,
}

#[derive(Serialize)]
struct Outgoing<'a, D> {
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<EventId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlationid: Option<SessionId>,
    data: &'a D,
    dataschema: &'static str,
    id: EventId,
    sequence: &'static str,
    source: &'a str,
    specversion: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<CallId>,
    time: Timestamp,
    r#type: &'a str,
}

impl<F: Fact> Draft<F> {
    /// Encodes it with a blank sequence, and tells where the 20 digits of the sequence go.
    pub fn encode(&self, source: &str) -> Result<(Vec<u8>, usize), serde_json::Error> {
        encode(self, &self.fact, F::KIND, source)
    }
}

impl Draft<Event> {
    /// As [`Draft::encode`], for an event of any kind.
    pub fn encode_event(&self, source: &str) -> Result<(Vec<u8>, usize), serde_json::Error> {
        encode(self, &self.fact, self.fact.kind(), source)
    }
}

/// What most events take; larger ones grow.
const ROOM_BYTES: usize = 1024;

fn encode<F, D: Serialize>(
    draft: &Draft<F>,
    data: &D,
    kind: &str,
    source: &str,
) -> Result<(Vec<u8>, usize), serde_json::Error> {
    let mut bytes = Vec::with_capacity(ROOM_BYTES);
    let outgoing = Outgoing {
        causationid: draft.cause,
        correlationid: draft.session,
        data,
        dataschema: SCHEMA,
        id: draft.id,
        sequence: "00000000000000000000",
        source,
        specversion: "1.0",
        subject: draft.call,
        time: draft.time,
        r#type: kind,
    };
    serde_json::to_writer(&mut bytes, &outgoing)?;
    // Only data stands before it, whose strings cannot hold an unescaped quotation mark; so the
    // last occurrence that is followed by nothing but the envelope's own members is the right one.
    let blank = SEQUENCE_BLANK.as_bytes();
    let at = bytes.windows(blank.len()).rposition(|window| window == blank).unwrap_or_default();
    Ok((bytes, at + SEQUENCE_BLANK.len() - SEQUENCE_DIGITS - 1))
}

/// A recorded event as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Where it stands in its shard.
    pub sequence: u64,
    /// Its id.
    pub id: EventId,
    /// When it happened.
    pub time: Timestamp,
    /// The shard that recorded it.
    pub source: Arc<str>,
    /// The session it belongs to.
    pub session: Option<SessionId>,
    /// The event or call that caused it.
    pub cause: Option<EventId>,
    /// The call it is about.
    pub call: Option<CallId>,
    /// What happened.
    pub event: Event,
}

/// Why bytes are not an event.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not JSON, or not an envelope.
    #[error("not an event: {0}")]
    Json(#[from] serde_json::Error),
    /// An event of another version.
    #[error("event kind `{kind}` of schema `{schema}` is unknown to this version")]
    Unknown {
        /// Its `type`.
        kind: String,
        /// Its `dataschema`.
        schema: String,
    },
    /// The sequence is not 20 digits.
    #[error("sequence `{0}` is not {SEQUENCE_DIGITS} digits")]
    Sequence(String),
}

#[derive(Deserialize)]
struct Incoming<'a> {
    causationid: Option<EventId>,
    correlationid: Option<SessionId>,
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(borrow)]
    dataschema: Cow<'a, str>,
    id: EventId,
    #[serde(borrow)]
    sequence: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    subject: Option<CallId>,
    time: Timestamp,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
}

impl Envelope {
    /// Reads an event from its canonical bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let incoming: Incoming<'_> = serde_json::from_slice(bytes)?;
        let unknown = || ParseError::Unknown {
            kind: incoming.r#type.to_string(),
            schema: incoming.dataschema.to_string(),
        };
        if incoming.dataschema != SCHEMA {
            return Err(unknown());
        }
        let sequence = Some(&incoming.sequence)
            .filter(|digits| digits.len() == SEQUENCE_DIGITS && !digits.starts_with('+'))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| ParseError::Sequence(incoming.sequence.to_string()))?;
        let event = Event::parse(&incoming.r#type, incoming.data).ok_or_else(unknown)??;
        Ok(Self {
            sequence,
            id: incoming.id,
            time: incoming.time,
            source: incoming.source.as_ref().into(),
            session: incoming.correlationid,
            cause: incoming.causationid,
            call: incoming.subject,
            event,
        })
    }
}
