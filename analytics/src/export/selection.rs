//! Which events are asked for.

use events::{CallId, SessionId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The most sessions and calls that one selection names, so that its event stays far below a
/// record's limit.
pub const SELECTED_MAX: usize = 1000;

/// An end of a range: a place in the ledger, or a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Bound {
    /// A sequence.
    Sequence(u64),
    /// A time.
    Time(Timestamp),
}

/// Why a text is not an end of a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a sequence such as `1200`, or a time such as `2026-11-21T08:00:00Z`, found `{0}`"
)]
pub struct NotBound(String);

impl FromStr for Bound {
    type Err = NotBound;

    fn from_str(text: &str) -> Result<Self, NotBound> {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        let sequence = text.parse().ok().filter(|_| is_number).map(Self::Sequence);
        let time = || text.parse().ok().map(Self::Time);
        sequence.or_else(time).ok_or_else(|| NotBound(text.chars().take(64).collect()))
    }
}

impl TryFrom<String> for Bound {
    type Error = NotBound;

    fn try_from(text: String) -> Result<Self, NotBound> {
        text.parse()
    }
}

impl From<Bound> for String {
    fn from(bound: Bound) -> Self {
        bound.to_string()
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence(sequence) => sequence.fmt(formatter),
            Self::Time(time) => time.fmt(formatter),
        }
    }
}

/// What is asked for: everything that fits all of what is said. With nothing said, all there is.
///
/// A range alone selects all events between its ends. With anything else said, whole calls are
/// selected: those that were held, dispatched or denied in the range and fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// From this on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Bound>,
    /// Up to this, and without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Bound>,
    /// These sessions, beside the calls; with the calls that they caused.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub sessions: BTreeSet<SessionId>,
    /// These calls, beside the sessions; with the calls that they caused.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub calls: BTreeSet<CallId>,
    /// What was done for this person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// What this agent did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

impl Selection {
    /// Whether all events between the ends are selected.
    pub fn is_contiguous(&self) -> bool {
        !self.has_case() && self.person.is_none() && self.agent.is_none()
    }

    /// Whether sessions or calls are named.
    pub(super) fn has_case(&self) -> bool {
        !self.sessions.is_empty() || !self.calls.is_empty()
    }

    /// Whether an event with this place and time is within the range.
    pub(super) fn spans(&self, sequence: u64, time: Timestamp) -> bool {
        let from = self.from.is_none_or(|bound| match bound {
            Bound::Sequence(first) => first <= sequence,
            Bound::Time(first) => first <= time,
        });
        let to = self.to.is_none_or(|bound| match bound {
            Bound::Sequence(end) => sequence < end,
            Bound::Time(end) => time < end,
        });
        from && to
    }
}

/// In words, complete.
impl fmt::Display for Selection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.from.map(|from| format!("from {from}")));
        words.extend(self.to.map(|to| format!("up to {to}")));
        words.extend(self.sessions.iter().map(|session| format!("session {session}")));
        words.extend(self.calls.iter().map(|call| format!("call {call}")));
        words.extend(self.person.as_ref().map(|person| format!("person {person}")));
        words.extend(self.agent.as_ref().map(|agent| format!("agent {agent}")));
        if words.is_empty() {
            return formatter.write_str("everything");
        }
        formatter.write_str(&words.join("; "))
    }
}
