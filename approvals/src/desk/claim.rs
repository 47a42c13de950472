//! The right to make one call once.

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

/// The exclusive right to make a call once. Dropped unspent, somebody else may take it.
#[derive(Debug)]
pub struct Claim {
    call: CallId,
    session: SessionId,
    grant: EventId,
    held: Arc<CallHeld>,
    edited: Option<Edited>,
    until: Timestamp,
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

    /// What was held.
    pub const fn held(&self) -> &Arc<CallHeld> {
        &self.held
    }

    /// What an approver made of it.
    pub const fn edited(&self) -> Option<&Edited> {
        self.edited.as_ref()
    }

    /// Until when `call.dispatched` has to be on record.
    pub const fn until(&self) -> Timestamp {
        self.until
    }

    /// Says that the call's dispatch is on record, or may be.
    pub fn spend(self) {}
}
