//! Calls that another process holds: what is left to that process, and how long it is waited for.

use super::command::{CommandError, OpenGrant, Standing};
use super::{Desk, Table};
use crate::hold::{Ballot, Command, Voter};
use events::{CallId, Digest, EventId};
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long whoever holds a call is waited for to say what became of a person's word. It is on
/// record here whether or not it does.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// What a person wants to be other arguments of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amendment {
    /// Who.
    pub voter: Voter,
    /// The digest of what was shown.
    pub shown: Digest,
    /// The version that was shown.
    pub version: u32,
    /// The new arguments as canonical JSON.
    pub arguments: Arc<str>,
    /// Why.
    pub reason: Option<String>,
}

/// What a person wants of a call that only whoever holds it can do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// To let it go alone, against the rule.
    BreakGlass(CallId, Ballot),
    /// To change its arguments.
    Edit(CallId, Amendment),
    /// To allow calls of its kind for a time.
    OpenGrant(CallId, OpenGrant),
    /// To end such a grant.
    RevokeGrant(EventId, Voter, String),
    /// To take it back.
    TakeBack(CallId, Voter, String),
    /// The same, in another name than a person's.
    Withdraw(CallId, Arc<str>, String),
}

/// A future answer to an order.
pub type Carried<'a> =
    Pin<Box<dyn Future<Output = Result<Option<EventId>, CommandError>> + Send + 'a>>;

/// Whoever holds calls, in another process.
pub trait Holder: Send + Sync {
    /// Has an order carried out, by whichever process it concerns. After `Ok` it is on record
    /// there; the event is that of a grant that was opened. An error that nobody answered leaves
    /// it to chance whether it is.
    fn carry_out(&self, order: Order) -> Carried<'_>;
}

impl Desk {
    /// Leaves an order to whoever holds the call, and gives where the call is then.
    pub(super) async fn have_done(
        &self,
        hold: CallId,
        order: Order,
    ) -> Result<Standing, CommandError> {
        let holder = self.0.holder.as_ref().ok_or(CommandError::Stopping)?;
        let before = self.standing(hold, false)?;
        holder.carry_out(order).await?;
        let stands = |table: &Table| {
            table.holds.get(&hold).map(|slot| (slot.hold.state.clone(), slot.hold.version))
        };
        let was = Some((before.state, before.version));
        self.comes_about(|table| stands(table) != was).await;
        self.standing(hold, true)
    }

    /// Takes a vote, and waits for a moment until whoever holds the call has heard of it.
    pub(super) async fn vote_elsewhere(
        &self,
        hold: CallId,
        vote: EventId,
        command: Command,
    ) -> Result<Standing, CommandError> {
        self.table().awaited.insert(vote, false);
        let taken = self.carry_out(hold, command, Vec::new()).await;
        let is_new = taken.as_ref().is_ok_and(|standing| standing.changed);
        if is_new {
            self.comes_about(|table| table.awaited.get(&vote) == Some(&true)).await;
        }
        self.table().awaited.remove(&vote);
        if is_new { self.standing(hold, true) } else { taken }
    }

    /// Waits until something is so here, for a moment.
    pub(super) async fn comes_about(&self, is_so: impl Fn(&Table) -> bool + Send) {
        let mut changes = self.changes();
        let waits = async {
            while !is_so(&self.table()) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        // Too late or not, what is so is what is answered.
        drop(tokio::time::timeout(HEARD_WITHIN, waits).await);
    }
}
