//! One hold: what may become of it, and who said what.

use events::{
    CallHeld, CallId, Digest, EventId, HoldCommented, HoldEdited, HoldVoted, Mark, PayloadRef,
    Person, SessionId, Timestamp,
};
use std::sync::Arc;

/// Where a hold is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// People are asked.
    Pending,
    /// The call may be made once.
    Granted {
        /// The event that says so; `call.dispatched` names it.
        grant: EventId,
        /// When.
        at: Timestamp,
        /// When the grant ends, if the call was not made by then.
        claim_until: Timestamp,
    },
    /// People said no.
    Refused {
        /// When.
        at: Timestamp,
        /// Until when the same call gets this answer.
        until: Timestamp,
    },
    /// Nobody decided in time, or nobody made the granted call.
    Expired {
        /// When.
        at: Timestamp,
        /// Whether it had been granted.
        granted: bool,
        /// Until when the same call gets this answer.
        until: Timestamp,
    },
    /// It is not to be made any more.
    Withdrawn {
        /// When.
        at: Timestamp,
        /// Who took it back.
        by: Arc<str>,
        /// Why.
        reason: String,
    },
    /// The call was made.
    Dispatched {
        /// The grant it was made by.
        grant: EventId,
        /// When.
        at: Timestamp,
    },
}

/// A vote, with the event that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cast {
    /// The event.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// Whether it counts for nothing any more: the call was edited since, or the person revoked.
    pub is_void: bool,
    /// What was said.
    pub fact: HoldVoted,
}

/// A call that waits for people, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The call.
    pub id: CallId,
    /// Its session.
    pub session: Option<SessionId>,
    /// When it was held.
    pub at: Timestamp,
    /// What was held.
    pub fact: Arc<CallHeld>,
    /// Where it is.
    pub state: State,
    /// The version that is decided on; edits make new ones.
    pub version: u32,
    /// What is decided on.
    pub digest: Digest,
    /// The request as it would go upstream.
    pub request: Option<PayloadRef>,
    /// Keyed digest of its arguments.
    pub arguments: Option<Mark>,
    /// Every vote, in order.
    pub votes: Vec<Cast>,
    /// Every edit, in order.
    pub edits: Vec<(EventId, Timestamp, HoldEdited)>,
    /// Every comment, in order.
    pub comments: Vec<(EventId, Timestamp, HoldCommented)>,
    /// Who had it on the screen.
    pub viewers: Vec<Person>,
    /// Whether an agent waits for it, as far as is on record.
    pub is_attended: bool,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is decided.
    #[error("this call is decided already")]
    Decided,
}

impl Refusal {
    /// A name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Decided => "already_decided",
        }
    }
}
