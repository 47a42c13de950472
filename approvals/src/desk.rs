//! Where calls wait: takes what agents ask and people say, records it, and wakes who waits.

mod claim;

mod command;

mod waiting;

pub use claim::{Claim, Edited};
pub use command::{Ballot, CommandError, Edit, Standing, Voter};
pub use waiting::{Decided, No, Waiting};

use crate::hold::Hold;
use crate::limits::{Limits, TooMany};
use crate::threshold::Progress;
use events::{
    CallHeld, CallId, Draft, Envelope, Event, EventId, Mark, Person, SessionId, Timestamp,
};
use ledger::payload::Packed;
use ledger::{Ledger, RecordError};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Where the time and new ids come from; cheap to clone.
#[derive(Clone)]
pub struct Clock {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    event_id: Arc<dyn Fn() -> EventId + Send + Sync>,
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Clock").finish_non_exhaustive()
    }
}

impl Clock {
    /// A clock of these functions.
    pub fn new(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        event_id: impl Fn() -> EventId + Send + Sync + 'static,
    ) -> Self {
        Self { now: Arc::new(now), event_id: Arc::new(event_id) }
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// A new id.
    pub fn event_id(&self) -> EventId {
        (self.event_id)()
    }
}

/// How a desk is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For how long a no answers the same call, without asking anybody.
    pub no_answers_for: Duration,
    /// How much agents may ask.
    pub limits: Limits,
    /// The roles that may let a call go alone in an emergency.
    pub break_glass: Vec<Arc<str>>,
    /// How many decided holds are kept in memory.
    pub decided_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            no_answers_for: Duration::from_mins(15),
            limits: Limits::default(),
            break_glass: vec!["administrator".into()],
            decided_max: 10_000,
        }
    }
}

/// A call that a policy wants people to decide on.
#[derive(Debug)]
pub struct NewHold {
    /// The call.
    pub call: CallId,
    /// Its session.
    pub session: SessionId,
    /// What made it, where that is known.
    pub cause: Option<EventId>,
    /// What is held. `expires` is set by the desk.
    pub fact: CallHeld,
    /// The payload that `fact.request` names.
    pub payload: Option<Packed>,
    /// What belongs to the call and is recorded with it, such as links.
    pub also: Vec<Draft<Event>>,
    /// The arguments as canonical JSON, where they can be looked at.
    pub arguments: Option<Arc<str>>,
}

/// What becomes of a call that was asked for.
#[derive(Debug)]
pub enum Asked {
    /// It is put before people, or was already.
    Waits(Waiting),
    /// It may be made now.
    Granted(Claim),
    /// People said no a short time ago.
    Refused(No),
    /// Too much is asked; nothing was recorded.
    TooMany(TooMany),
}

/// Why a desk could not take a call.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The agent was revoked.
    #[error("agent `{0}` is revoked")]
    Revoked(Arc<str>),
    /// The gateway stops.
    #[error("the gateway stops")]
    Stopping,
}

/// Which holds are wanted; what is said must all be true of them.
#[derive(Clone, Debug, Default)]
pub struct HoldFilter {
    /// Whether they wait for people.
    pub pending: Option<bool>,
    /// Of this agent.
    pub agent: Option<Arc<str>>,
    /// Held before this one.
    pub before: Option<CallId>,
    /// At most so many; 0 for all.
    pub limit: usize,
}

/// A hold as it is now.
#[derive(Clone, Debug)]
pub struct HoldView {
    /// The hold.
    pub hold: Hold,
    /// How many requests wait by it.
    pub waiting: usize,
    /// What it still needs.
    pub progress: Progress,
}

/// Where calls wait; cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    changes: watch::Sender<u64>,
}

impl Desk {
    /// A desk that records in `ledger`. It must be shown all events on record, in order, before it
    /// is asked anything, and those that others record as they come; see [`Desk::apply`].
    pub fn new(ledger: Ledger, clock: Clock, settings: Settings) -> Self {
        let _unused = (ledger, clock, settings);
        Self(Arc::new(Shared { changes: watch::Sender::new(0) }))
    }

    /// Takes notice of an event on record.
    pub fn apply(&self, _envelope: &Envelope) {}

    /// Asks people, unless they have said already.
    pub async fn ask(&self, _ask: NewHold) -> Result<Asked, DeskError> {
        Err(DeskError::Stopping)
    }

    /// Waits by a hold again that the client names; `None` if there is none of this identity.
    pub async fn rejoin(&self, _hold: CallId, _identity: &Mark) -> Option<Asked> {
        None
    }

    /// Takes a vote.
    pub async fn vote(&self, _hold: CallId, _ballot: Ballot) -> Result<Standing, CommandError> {
        Err(CommandError::Unknown)
    }

    /// Takes a comment.
    pub async fn comment(
        &self,
        _hold: CallId,
        _voter: Voter,
        _text: String,
    ) -> Result<Standing, CommandError> {
        Err(CommandError::Unknown)
    }

    /// Changes the arguments; all votes so far are void.
    pub async fn edit(&self, _hold: CallId, _edit: Edit) -> Result<Standing, CommandError> {
        Err(CommandError::Unknown)
    }

    /// Notes that a person has a hold on the screen.
    pub async fn viewed(
        &self,
        _hold: CallId,
        _by: Person,
        _view: events::Digest,
    ) -> Result<(), CommandError> {
        Err(CommandError::Unknown)
    }

    /// Lets a call go alone, against the rule.
    pub async fn break_glass(
        &self,
        _hold: CallId,
        _ballot: Ballot,
    ) -> Result<Standing, CommandError> {
        Err(CommandError::Unknown)
    }

    /// Takes a call back: `by` is a person's e-mail address, `agent` or `gateway`.
    pub async fn withdraw(
        &self,
        _hold: CallId,
        _by: Arc<str>,
        _reason: String,
    ) -> Result<Standing, CommandError> {
        Err(CommandError::Unknown)
    }

    /// The hold of a call.
    pub fn hold(&self, _id: CallId) -> Option<HoldView> {
        None
    }

    /// The holds that fit, the newest first.
    pub fn holds(&self, _filter: &HoldFilter) -> Vec<HoldView> {
        Vec::new()
    }

    /// Whether an agent was revoked.
    pub fn is_agent_revoked(&self, _agent: &str) -> bool {
        false
    }

    /// Whether a person was revoked.
    pub fn is_person_revoked(&self, _email: &str) -> bool {
        false
    }

    /// Whether a sign-in ended before its time.
    pub fn is_signed_out(&self, _sign_in: &str) -> bool {
        false
    }

    /// Changes whenever a hold, a grant or the roster does.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Lets holds and grants expire, until `stopping` says true.
    pub async fn run(self, mut stopping: watch::Receiver<bool>) {
        drop(stopping.wait_for(|is_stopping| *is_stopping).await);
    }
}
