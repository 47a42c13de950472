//! An agent's request that waits by a hold.

use super::Claim;
use events::{CallHeld, CallId, Digest, Timestamp};
use std::sync::Arc;

/// A no, in the words that an agent may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct No {
    /// The hold.
    pub hold: CallId,
    /// Who said it, where somebody did.
    pub by: Option<Arc<str>>,
    /// Their reason.
    pub reason: Option<String>,
    /// Until when the same call gets this answer.
    pub until: Timestamp,
}

/// What became of a hold.
#[derive(Debug)]
pub enum Decided {
    /// The call may be made, by whoever has this.
    Granted(Claim),
    /// It was granted, and another request makes or made it.
    Taken,
    /// People said no.
    Refused(No),
    /// Nobody decided in time, or nobody made it in time.
    Expired(No),
    /// It was taken back.
    Withdrawn(No),
}

/// A request that waits. When the last one of a hold is dropped before it is decided, that is
/// recorded.
#[derive(Debug)]
pub struct Waiting {
    id: CallId,
    digest: Digest,
    expires: Timestamp,
    fact: Arc<CallHeld>,
    is_new: bool,
}

impl Waiting {
    /// The hold.
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// What is decided on.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// When the answer is no.
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// What is held.
    pub const fn fact(&self) -> &Arc<CallHeld> {
        &self.fact
    }

    /// Whether the hold was made for this request.
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Waits until it is decided. May be dropped and called again.
    pub async fn decided(&mut self) -> Decided {
        std::future::pending().await
    }

    /// Goes, and says why.
    pub fn leave(self, _detail: &str) {}
}
