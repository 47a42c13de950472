//! The right to make one call once.

use super::Desk;
use events::{CallHeld, CallId, EventId, Mark, PayloadRef, SessionId, Timestamp};
use std::sync::Arc;

/// What an approver made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// Keyed digest of the canonical new arguments.
    pub arguments: Mark,
    /// The whole request, as it has to go upstream now.
    pub request: PayloadRef,
    /// The new arguments, unless the gateway was started since: then they are in `request`.
    pub text: Option<Arc<str>>,
}

/// What a claim is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Under {
    /// The decision on this very call.
    Hold,
    /// A grant for calls of its kind.
    Grant,
}

/// The exclusive right to make a call once. Dropped unspent, somebody else may take it.
#[derive(Debug)]
pub struct Claim {
    pub(super) desk: Desk,
    pub(super) under: Under,
    pub(super) call: CallId,
    pub(super) session: SessionId,
    pub(super) grant: EventId,
    pub(super) held: Arc<CallHeld>,
    pub(super) edited: Option<Edited>,
    pub(super) until: Timestamp,
    pub(super) is_spent: bool,
}

impl Claim {
    /// The call that may be made: its id is the one it was held by.
    pub const fn call(&self) -> CallId {
        self.call
    }

    /// The session it was held in.
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// What `call.dispatched` has to name.
    pub const fn grant(&self) -> EventId {
        self.grant
    }

    /// What was held; for a call that a grant covered what was asked.
    pub const fn held(&self) -> &Arc<CallHeld> {
        &self.held
    }

    /// What an approver made of it.
    pub const fn edited(&self) -> Option<&Edited> {
        self.edited.as_ref()
    }

    /// Until when `call.dispatched` should be on record. While the claim is kept, the grant does
    /// not expire.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Whether it is under a grant for calls of its kind, so that nothing was held.
    pub fn is_covered(&self) -> bool {
        self.under == Under::Grant
    }

    /// Says that the call's dispatch is going to be recorded. Dropped from now on, the claim counts
    /// as spent: whoever is broken off while recording does not know whether it is on record.
    pub const fn begin(&mut self) {
        self.is_spent = true;
    }

    /// Says that the call's dispatch is on record, or may be: nobody can make it again. To be
    /// called too where recording it timed out.
    pub fn spend(mut self) {
        self.is_spent = true;
    }

    /// Says that the call's dispatch is certainly not on record, whatever was begun.
    pub fn give_back(mut self) {
        self.is_spent = false;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.desk.put_back(self.under, (self.call, self.grant), self.is_spent);
    }
}
