//! One event as an export looks at it: what every kind has, and the fact where this version knows
//! the kind. One that it does not know goes out like any other.

use super::error::ExportError;
use events::{
    CallId, Envelope, Event, EventId, ParseError, PayloadRef, Person, Principal, SessionId,
    Timestamp,
};
use serde::Deserialize;

/// See the module.
pub(super) struct Item {
    pub(super) sequence: u64,
    pub(super) id: Option<EventId>,
    pub(super) time: Timestamp,
    pub(super) kind: String,
    pub(super) session: Option<SessionId>,
    pub(super) call: Option<CallId>,
    pub(super) cause: Option<EventId>,
    pub(super) event: Option<Event>,
}

/// What an event of another version has in common with ours.
#[derive(Deserialize)]
struct Foreign {
    causationid: Option<EventId>,
    correlationid: Option<SessionId>,
    id: Option<EventId>,
    subject: Option<CallId>,
    time: Timestamp,
    r#type: String,
}

impl Item {
    /// Reads the record that stands at `sequence`.
    pub(super) fn parse(sequence: u64, record: &[u8]) -> Result<Self, ExportError> {
        match Envelope::parse(record) {
            Ok(envelope) => Ok(Self {
                sequence,
                id: Some(envelope.id),
                time: envelope.time,
                kind: envelope.event.kind().to_owned(),
                session: envelope.session,
                call: envelope.call,
                cause: envelope.cause,
                event: Some(envelope.event),
            }),
            Err(source @ ParseError::Unknown { .. }) => {
                let foreign: Foreign = serde_json::from_slice(record)
                    .map_err(|_| ExportError::Unreadable { sequence, source })?;
                Ok(Self {
                    sequence,
                    id: foreign.id,
                    time: foreign.time,
                    kind: foreign.r#type,
                    session: foreign.correlationid,
                    call: foreign.subject,
                    cause: foreign.causationid,
                    event: None,
                })
            }
            Err(source @ (ParseError::Json(_) | ParseError::Sequence(_))) => {
                Err(ExportError::Unreadable { sequence, source })
            }
        }
    }

    /// Who asked, where the event says so.
    pub(super) fn principal(&self) -> Option<&Principal> {
        match self.event.as_ref() {
            Some(Event::CallDispatched(fact)) => Some(&fact.principal),
            Some(Event::CallDenied(fact)) => Some(&fact.principal),
            Some(Event::CallHeld(fact)) => Some(&fact.principal),
            Some(Event::CallRefused(fact)) => fact.principal.as_ref(),
            Some(Event::MessageRelayed(fact)) => Some(&fact.principal),
            _ => None,
        }
    }

    /// Whose doing it was, where it was that of a person who signed in.
    pub(super) fn person(&self) -> Option<&Person> {
        match self.event.as_ref() {
            Some(Event::HoldViewed(fact)) => Some(&fact.by),
            Some(Event::HoldVoted(fact)) => Some(&fact.by),
            Some(Event::HoldCommented(fact)) => Some(&fact.by),
            Some(Event::HoldEdited(fact)) => Some(&fact.by),
            Some(Event::HoldGranted(fact)) => fact.break_glass.as_ref().map(|glass| &glass.by),
            Some(Event::GrantOpened(fact)) => Some(&fact.by),
            Some(Event::GrantRevoked(fact)) => Some(&fact.by),
            Some(Event::DelegationOpened(fact)) => Some(&fact.from),
            Some(Event::PasskeyRegistered(fact)) => Some(&fact.person),
            Some(Event::PasskeyRemoved(fact)) => Some(&fact.person),
            Some(Event::PersonAdded(fact)) => Some(&fact.person),
            Some(Event::PersonSignedIn(fact)) => Some(&fact.person),
            Some(Event::PersonSignedOut(fact)) => Some(&fact.person),
            Some(Event::PersonRefused(fact)) => fact.by.as_ref(),
            _ => None,
        }
    }

    /// The payload that the event names.
    pub(super) fn payload(&self) -> Option<(SessionId, PayloadRef)> {
        let reference = self.event.as_ref().and_then(Event::payload);
        Some((self.session?, *reference?))
    }
}
