//! What people tell a desk, and what it answers.

use crate::grant::NotCovered;
use crate::grant::Shape;
use crate::hold::{Refusal, State, Voter};
use crate::threshold::Progress;
use events::{Digest, EventId, Mark, Timestamp};
use ledger::RecordError;
use ledger::payload::{PackError, Packed};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a person made of a call's arguments.
#[derive(Debug)]
pub struct Edit {
    /// Who.
    pub voter: Voter,
    /// The digest of what was shown.
    pub shown: Digest,
    /// The version that was shown.
    pub version: u32,
    /// Keyed digest of the canonical new arguments.
    pub arguments: Mark,
    /// The new arguments as canonical JSON.
    pub text: Arc<str>,
    /// The whole request, with the new arguments, packed for the session of the hold.
    pub request: Packed,
    /// Why.
    pub reason: Option<String>,
}

/// A wish to allow calls of a kind for a time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OpenGrant {
    /// Who.
    pub voter: Voter,
    /// The arguments of the call it is opened from, as canonical JSON.
    pub arguments: Arc<str>,
    /// What the arguments of such calls must look like.
    pub shape: Shape,
    /// How many calls.
    pub budget: u32,
    /// When it ends.
    pub until: Timestamp,
}

/// A wish to let somebody vote in one's place.
#[derive(Clone, Debug)]
pub struct Delegate {
    /// Who gives the right.
    pub voter: Voter,
    /// Who gets it: an e-mail address.
    pub to: Arc<str>,
    /// The groups it is about.
    pub groups: Vec<Arc<str>>,
    /// The roles.
    pub roles: Vec<Arc<str>>,
    /// When it ends.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

/// Where a hold is after a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Where.
    pub state: State,
    /// The version that is decided on.
    pub version: u32,
    /// What is decided on.
    pub digest: Digest,
    /// What it still needs.
    pub progress: Progress,
    /// Whether the command changed anything.
    pub changed: bool,
}

/// Why a grant for calls of a kind was not opened or ended.
#[derive(Debug, thiserror::Error)]
pub enum GrantRefusal {
    /// It is not about a tool's arguments.
    #[error("only calls of a tool can be allowed for a time")]
    NotTool,
    /// The calls are too dangerous.
    #[error("the call is of critical risk; each such call is decided on by itself")]
    TooRisky,
    /// An authenticator signs each of them.
    #[error("each such call is approved with a passkey, one by one")]
    Signed,
    /// One person cannot decide such calls.
    #[error("{person} cannot decide such calls alone, and so cannot allow them for a time")]
    NotAlone {
        /// Who.
        person: Arc<str>,
    },
    /// The shape is not that of the call.
    #[error("the shape does not cover the call that it is opened from")]
    NotItself,
    /// There can be no shape.
    #[error(transparent)]
    Shape(#[from] NotCovered),
    /// Too many calls, or none.
    #[error("a grant is for 1 to {max} calls, not {budget}")]
    Budget {
        /// How many were wanted.
        budget: u32,
        /// How many may be.
        max: u32,
    },
    /// Too long, or over.
    #[error("a grant ends in the future, at the latest at {max}")]
    Until {
        /// The latest end.
        max: Timestamp,
    },
    /// There is none, or it has ended.
    #[error("no grant `{0}` is open")]
    Unknown(EventId),
    /// The shape could not be packed.
    #[error(transparent)]
    Pack(#[from] PackError),
}

/// Why a delegation was not opened or ended.
#[derive(Debug, thiserror::Error)]
pub enum DelegationRefusal {
    /// To oneself.
    #[error("nobody stands in for themselves")]
    ToSelf,
    /// More than one has.
    #[error("{person} does not have `{what}`, and cannot give it")]
    NotHad {
        /// Who.
        person: Arc<str>,
        /// The group or role.
        what: Arc<str>,
    },
    /// Too long, or over.
    #[error("a delegation ends in the future, at the latest at {max}")]
    Until {
        /// The latest end.
        max: Timestamp,
    },
    /// There is none, or it has ended.
    #[error("no delegation `{0}` is in force")]
    Unknown(EventId),
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such hold.
    #[error("there is no such hold, or it was decided long ago")]
    Unknown,
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A grant may not be opened or ended.
    #[error(transparent)]
    Grant(#[from] GrantRefusal),
    /// A delegation may not be opened or ended.
    #[error(transparent)]
    Delegation(#[from] DelegationRefusal),
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The process that holds the call said no, or did not answer.
    #[error("{detail}")]
    Elsewhere {
        /// Whether it answered.
        answered: bool,
        /// What it said, or why it was not heard.
        detail: String,
    },
    /// The gateway stops.
    #[error("the gateway stops; whether the command is on record shows after the next start")]
    Stopping,
}
