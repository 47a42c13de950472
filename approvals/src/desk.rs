//! Where calls wait: takes what agents ask and people say, records it, and wakes who waits.

mod claim;

mod command;

mod waiting;

mod rights_shown;

mod table;

mod record;

mod shell;

mod asking;

mod elsewhere;

mod rights;

mod noting;

mod taking;

mod learning;

mod following;

mod running;

pub use claim::{Claim, Edited};
pub use command::{
    CommandError, Delegate, DelegationRefusal, Edit, GrantRefusal, OpenGrant, Standing,
};
pub use elsewhere::{Amendment, Carried, Holder, Order};
pub use following::concerns;
pub use waiting::{Decided, No, Waiting, Why};

use crate::grant::Grant;
use crate::hold::{Ballot, Command, Edition, Hold, Voter};
use crate::limits::{Limits, TooMany};
use crate::roster::Roster;
use crate::threshold::Progress;
use events::{
    CallHeld, CallId, Digest, Draft, Envelope, Event, EventId, Mark, Person, SessionId, Timestamp,
};
use ledger::payload::Packed;
use ledger::{Ledger, RecordError, Sequence};
use rights_shown::Shown;
use shell::With;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use table::Table;
use tokio::sync::{RwLock, watch};

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
    /// For how many calls a grant for calls of a kind may be at most.
    pub grant_budget_max: u32,
    /// For how long.
    pub grant_time_max: Duration,
    /// For how long somebody may let another vote in their place.
    pub delegation_time_max: Duration,
    /// Whether people vote in another process, so that what they said is taken from there.
    pub takes: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            no_answers_for: Duration::from_mins(15),
            limits: Limits::default(),
            break_glass: vec!["administrator".into()],
            decided_max: 10_000,
            grant_budget_max: 1000,
            grant_time_max: Duration::from_hours(24),
            delegation_time_max: Duration::from_hours(90 * 24),
            takes: false,
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
    /// What is held. The desk sets `digest` and `expires`.
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
    #[error("agent `{agent}` is revoked: {reason}")]
    Revoked {
        /// The agent.
        agent: Arc<str>,
        /// Why.
        reason: String,
    },
    /// The gateway stops.
    #[error("the gateway stops; nobody is asked any more")]
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
    /// Whether somebody is about to make the granted call.
    pub is_being_made: bool,
    /// Whether those who are known could decide it. If not, somebody has to sign in who never has,
    /// or nobody can.
    pub is_answerable: bool,
    /// What it still needs.
    pub progress: Progress,
}

/// Where calls wait; cheap to clone.
#[derive(Clone)]
pub struct Desk(Arc<Shared>);

impl fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Desk").finish_non_exhaustive()
    }
}

struct Shared {
    ledger: Ledger,
    /// Where the ledger went on when this was made.
    from: Sequence,
    clock: Clock,
    settings: Settings,
    table: Mutex<Table>,
    /// The table's roster, for whoever only looks.
    roster: Shown,
    /// Held for reading from each decision to what is on record of it, and for writing while rights
    /// change: what is decided is decided with the rights that are in force when it is recorded.
    calm: Arc<RwLock<()>>,
    /// For each identity that is asked for now, its turn: so there is one hold of it.
    turns: Mutex<BTreeMap<Mark, Arc<tokio::sync::Mutex<()>>>>,
    changes: watch::Sender<u64>,
    /// Who holds the calls, where that is another process.
    holder: Option<Arc<dyn Holder>>,
}

impl Desk {
    /// A desk that records in `ledger`. It must be shown all events on record, in order, before it
    /// is asked anything; those that [`concerns`] says no to may be left out. What is recorded from
    /// now on [`Desk::run`] shows it.
    pub fn new(ledger: Ledger, clock: Clock, settings: Settings) -> Self {
        Self::made(ledger, clock, settings, None)
    }

    /// A desk where people decide on calls that other processes hold: it takes their words, and
    /// leaves it to `holder` what becomes of a call. What that is has to be told to it by
    /// [`Desk::learn`].
    pub fn of_others(
        ledger: Ledger,
        clock: Clock,
        settings: Settings,
        holder: Arc<dyn Holder>,
    ) -> Self {
        Self::made(ledger, clock, settings, Some(holder))
    }

    fn made(
        ledger: Ledger,
        clock: Clock,
        settings: Settings,
        holder: Option<Arc<dyn Holder>>,
    ) -> Self {
        let from = *ledger.committed().borrow();
        let table = Table::default();
        Self(Arc::new(Shared {
            ledger,
            from,
            clock,
            settings,
            roster: table.roster.shown(),
            table: Mutex::new(table),
            calm: Arc::default(),
            turns: Mutex::default(),
            changes: watch::Sender::new(0),
            holder,
        }))
    }

    /// Takes notice of an event on record. Of each shard the events are shown in order; one that
    /// is shown twice, or that this desk recorded itself, counts once.
    pub fn apply(&self, envelope: &Envelope) {
        self.table().show(envelope, &self.0.settings);
        self.tell();
    }

    /// Takes a vote, and decides with it if it is enough. The same vote again changes nothing.
    pub async fn vote(&self, hold: CallId, ballot: Ballot) -> Result<Standing, CommandError> {
        let event = self.0.clock.event_id();
        let command = Command::Vote(event, ballot);
        if self.0.holder.is_some() {
            return self.vote_elsewhere(hold, event, command).await;
        }
        self.carry_out(hold, command, Vec::new()).await
    }

    /// Takes a comment.
    pub async fn comment(
        &self,
        hold: CallId,
        voter: Voter,
        text: String,
    ) -> Result<Standing, CommandError> {
        self.carry_out(hold, Command::Comment(voter, text), Vec::new()).await
    }

    /// Changes the arguments; all votes so far are void.
    pub async fn edit(&self, hold: CallId, edit: Edit) -> Result<Standing, CommandError> {
        let Edit { voter, shown, version, arguments, text, request, reason } = edit;
        if self.0.holder.is_some() {
            let amendment = Amendment { voter, shown, version, arguments: text, reason };
            return self.have_done(hold, Order::Edit(hold, amendment)).await;
        }
        let reference = request.reference;
        let edition = Edition { voter, shown, version, arguments, request: reference, reason };
        let with = With { payloads: vec![request], text: Some(text), said: None };
        self.carry_out_with(hold, Command::Edit(edition), with).await
    }

    /// Notes that a person has a hold on the screen.
    pub async fn viewed(
        &self,
        hold: CallId,
        by: Person,
        view: Digest,
    ) -> Result<Standing, CommandError> {
        self.carry_out(hold, Command::View(by, view), Vec::new()).await
    }

    /// Lets a call go alone, against the rule.
    pub async fn break_glass(
        &self,
        hold: CallId,
        ballot: Ballot,
    ) -> Result<Standing, CommandError> {
        if self.0.holder.is_some() {
            return self.have_done(hold, Order::BreakGlass(hold, ballot)).await;
        }
        self.carry_out(hold, Command::BreakGlass(ballot), Vec::new()).await
    }

    /// A person takes a call back that is not made yet.
    pub async fn take_back(
        &self,
        hold: CallId,
        voter: Voter,
        reason: String,
    ) -> Result<Standing, CommandError> {
        if self.0.holder.is_some() {
            return self.have_done(hold, Order::TakeBack(hold, voter, reason)).await;
        }
        self.carry_out(hold, Command::TakeBack(voter, reason), Vec::new()).await
    }

    /// The `agent` or the `gateway` takes a call back that is not made yet.
    pub async fn withdraw(
        &self,
        hold: CallId,
        by: Arc<str>,
        reason: String,
    ) -> Result<Standing, CommandError> {
        if self.0.holder.is_some() {
            return self.have_done(hold, Order::Withdraw(hold, by, reason)).await;
        }
        self.carry_out(hold, Command::Withdraw(by, reason), Vec::new()).await
    }

    /// The hold of a call; `None` for one that was decided long ago.
    pub fn hold(&self, id: CallId) -> Option<HoldView> {
        let (table, now) = (self.table(), self.0.clock.now());
        table.holds.get(&id).map(|slot| table.view(slot, now, &self.0.settings))
    }

    /// The holds that fit, the newest first.
    pub fn holds(&self, filter: &HoldFilter) -> Vec<HoldView> {
        let (table, now) = (self.table(), self.0.clock.now());
        table.fitting(filter).map(|slot| table.view(slot, now, &self.0.settings)).collect()
    }

    /// Who has which rights now.
    pub fn roster(&self) -> Roster {
        Roster::clone(&self.0.roster.now())
    }

    /// The grants for calls of a kind, the oldest first.
    pub fn grants(&self) -> Vec<(EventId, Grant)> {
        self.table().grants.all().map(|(id, grant)| (id, grant.clone())).collect()
    }

    /// Whether an agent was revoked.
    pub fn is_agent_revoked(&self, agent: &str) -> bool {
        self.0.roster.now().revoked_agent(agent).is_some()
    }

    /// Whether a person was revoked.
    pub fn is_person_revoked(&self, email: &str) -> bool {
        self.0.roster.now().revoked_person(email).is_some()
    }

    /// Whether a sign-in ended before its time.
    pub fn is_signed_out(&self, sign_in: &str) -> bool {
        self.0.roster.now().is_signed_out(sign_in)
    }

    /// Changes whenever a hold, a grant or the roster does.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }
}

#[cfg(test)]
mod tests;
