//! What was done with the record itself: payloads erased or kept from erasure, evidence handed out,
//! and stretches of time in which something could not be recorded.

use crate::{EventId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The most sessions that one erasure names, so that its events stay far below a record's limit.
pub const ERASE_SESSIONS_MAX: usize = 1000;

/// Somebody asked for payloads to be erased; nothing was erased before this was durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EraseRequested {
    /// Why: the law, contract or rule that asks for it.
    pub basis: String,
    /// Who asked.
    pub by: Arc<str>,
    /// What was asked for, as it was said: a session, a subject, an age.
    pub criterion: String,
    /// The sessions that fit, in order; at most [`ERASE_SESSIONS_MAX`].
    pub sessions: Vec<SessionId>,
}

/// Payloads are gone: of each session named, all that earlier events of it name. The event that
/// asked for it is the `causationid`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadErased {
    /// How many bytes they took.
    pub bytes: u64,
    /// How many payloads and keys there were.
    pub payloads: u64,
    /// The sessions.
    pub sessions: Vec<SessionId>,
}

/// Payloads must be kept, whatever else asks for their erasure. The event's id names the hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalHoldPlaced {
    /// Who placed it.
    pub by: Arc<str>,
    /// Why: the matter that it belongs to.
    pub reason: String,
    /// The session whose payloads are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The person whose sessions' payloads are kept, later ones too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Arc<str>>,
}

/// A legal hold ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalHoldLifted {
    /// Who lifted it.
    pub by: Arc<str>,
    /// The event that placed it.
    pub hold: EventId,
    /// Why.
    pub reason: String,
}

/// Evidence was handed out; not a byte of it was before this was durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerExported {
    /// Who asked for it.
    pub by: Arc<str>,
    /// Which events were asked for, as it was said.
    pub criterion: String,
    /// Whether payloads are in it.
    pub payloads: bool,
    /// How many events the ledger had: those before this one.
    pub size: u64,
}

/// For some time not everything that happened could be recorded. No call went upstream then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerGap {
    /// What failed first.
    pub cause: String,
    /// When it began.
    pub from: Timestamp,
    /// How many calls and messages were turned away without a record.
    pub refused: u64,
    /// When it ended.
    pub to: Timestamp,
}
