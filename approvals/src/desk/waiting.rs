//! An agent's request that waits by a hold.

use super::{Claim, Desk};
use crate::hold::{Command, Hold, State};
use events::{CallHeld, CallId, Digest, Timestamp, Vote};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Why it is no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// People said so.
    Refused,
    /// Nobody decided in time.
    Undecided,
    /// It was granted, and not made in time.
    Unclaimed,
    /// It was taken back.
    Withdrawn,
}

/// A no, as an agent may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct No {
    /// The hold.
    pub hold: CallId,
    /// Why.
    pub why: Why,
    /// Who said it: e-mail addresses, `agent` or `gateway`; nobody where the time was over.
    pub by: Vec<Arc<str>>,
    /// The reasons that they gave. They are people's words, and not the gateway's.
    pub reasons: Vec<String>,
    /// Until when the same call gets this answer.
    pub until: Timestamp,
}

impl No {
    /// The no that a hold ended with, if it did.
    pub(super) fn of(hold: &Hold) -> Option<Self> {
        let no =
            |why, until| Self { hold: hold.id, why, by: Vec::new(), reasons: Vec::new(), until };
        match &hold.state {
            State::Refused { until, .. } => {
                let said = hold.standing().into_iter().map(|(_, vote)| vote);
                let against: Vec<_> = said.filter(|vote| vote.vote == Vote::Reject).collect();
                let by = against.iter().map(|vote| Arc::clone(&vote.by.email)).collect();
                let reasons = against.iter().filter_map(|vote| vote.reason.clone()).collect();
                Some(Self { by, reasons, ..no(Why::Refused, *until) })
            }
            State::Expired { granted, until, .. } => {
                Some(no(if *granted { Why::Unclaimed } else { Why::Undecided }, *until))
            }
            State::Withdrawn { at, by, reason } => Some(Self {
                by: vec![Arc::clone(by)],
                reasons: vec![reason.clone()],
                ..no(Why::Withdrawn, *at)
            }),
            State::Pending | State::Granted { .. } | State::Dispatched { .. } => None,
        }
    }
}

/// What became of a hold.
#[derive(Debug)]
pub enum Decided {
    /// The call may be made, by whoever has this.
    Granted(Claim),
    /// It was granted, and another request made it.
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
    pub(super) desk: Desk,
    pub(super) id: CallId,
    pub(super) digest: Digest,
    pub(super) fact: Arc<CallHeld>,
    pub(super) is_new: bool,
    pub(super) signal: watch::Receiver<()>,
    /// What is recorded when it is dropped and was the last.
    pub(super) detail: String,
}

impl Waiting {
    /// The hold.
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// What was decided on when this began to wait; an edit may change it.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// When the answer is no.
    pub fn expires(&self) -> Timestamp {
        self.fact.expires
    }

    /// What is held.
    pub const fn fact(&self) -> &Arc<CallHeld> {
        &self.fact
    }

    /// Whether the hold was made for this request.
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Waits until it is decided. May be dropped and called again. Of all that wait by one hold,
    /// one at a time is given the claim; another gets it if that one does not spend it.
    pub async fn decided(&mut self) -> Decided {
        loop {
            self.signal.borrow_and_update();
            if let Some(decided) = self.desk.outcome(self.id).await {
                return decided;
            }
            if self.signal.changed().await.is_err() {
                return Decided::Taken;
            }
        }
    }

    /// Goes, and says why.
    pub fn leave(mut self, detail: &str) {
        detail.clone_into(&mut self.detail);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.desk.is_last_to_go(self.id) {
            return;
        }
        let (desk, id) = (self.desk.clone(), self.id);
        let command = Command::Leave(std::mem::take(&mut self.detail));
        // Without a runtime the gateway has ended, which is on record.
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = desk.carry_out(id, command, Vec::new()).await {
                tracing::warn!(hold = %id, %error, "it is not on record that nobody waits");
            }
        });
    }
}
