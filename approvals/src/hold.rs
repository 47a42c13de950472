//! One hold: what may become of it, and who said what; pure.
//!
//! | state | event | state |
//! |---|---|---|
//! | none | `call.held` | pending |
//! | pending | `hold.voted`, `commented`, `viewed`, `rejoined`, `left` | pending |
//! | pending | `hold.edited` | pending, of the next version; all votes so far are void |
//! | pending | `person.revoked` | pending; that person's votes are void |
//! | pending | `hold.granted` | granted |
//! | pending | `hold.refused` | refused |
//! | pending | `hold.expired` | expired |
//! | pending | `hold.withdrawn` | withdrawn |
//! | granted | `hold.commented`, `rejoined`, `left` | granted |
//! | granted | `call.dispatched` that names the grant | dispatched |
//! | granted | `hold.expired` | expired |
//! | granted | `hold.withdrawn` | withdrawn |
//! | any of the others | `hold.commented` | the same |
//!
//! Every other pair changes nothing: what is recorded first is in force.

mod command;

mod refusal;

mod step;

mod decide;

pub use command::{Ballot, Command, Context, Edition, Voter};
pub use decide::{decide, terms};
pub use refusal::Refusal;
pub use step::Step;

use crate::roster::same_email;
use crate::threshold::{Entry, Seat};
use events::{
    BreakGlass, CallDigest, CallHeld, CallId, Digest, Envelope, Event, EventId, HoldCommented,
    HoldEdited, HoldViewed, HoldVoted, Mark, PayloadRef, Person, SessionId, Timestamp,
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
        /// The votes that decided it.
        votes: Vec<EventId>,
        /// Where not votes but one person's emergency right decided.
        break_glass: Option<BreakGlass>,
    },
    /// People said no.
    Refused {
        /// When.
        at: Timestamp,
        /// Until when the same call gets this answer.
        until: Timestamp,
        /// The votes that decided it.
        votes: Vec<EventId>,
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

impl State {
    /// Whether people are asked.
    pub const fn is_pending(&self) -> bool {
        matches!(self, Self::Pending)
    }

    /// Whether nothing more can become of it.
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Pending | Self::Granted { .. })
    }

    /// One word for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Granted { .. } => "granted",
            Self::Refused { .. } => "refused",
            Self::Expired { .. } => "expired",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Dispatched { .. } => "dispatched",
        }
    }
}

/// Something that was said, with the event that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    /// The event.
    pub id: EventId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub fact: T,
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
    /// The event that held it.
    pub event: EventId,
    /// Its session.
    pub session: SessionId,
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
    pub edits: Vec<Said<HoldEdited>>,
    /// Every comment, in order.
    pub comments: Vec<Said<HoldCommented>>,
    /// Who had it on the screen, in order.
    pub views: Vec<Said<HoldViewed>>,
    /// Whether an agent waits for it, as far as is on record.
    pub is_attended: bool,
}

/// The digest of what is decided on, if the request is this one.
pub fn digest_of(held: &CallHeld, request: Option<&PayloadRef>) -> Digest {
    CallDigest {
        definition: held.definition,
        dialect: held.dialect,
        method: &held.method,
        model: held.model.as_deref(),
        principal: &held.principal,
        request: request.map(|request| request.digest),
        target: held.target.as_deref(),
        upstream: &held.upstream,
    }
    .digest()
}

impl Hold {
    /// The hold that an event makes, if it is a `call.held`.
    pub fn begin(envelope: &Envelope) -> Option<Self> {
        let Event::CallHeld(fact) = &envelope.event else { return None };
        Some(Self {
            id: envelope.call?,
            event: envelope.id,
            session: envelope.session?,
            at: envelope.time,
            state: State::Pending,
            version: 1,
            digest: fact.digest,
            request: fact.request,
            arguments: fact.arguments,
            fact: Arc::new(fact.clone()),
            votes: Vec::new(),
            edits: Vec::new(),
            comments: Vec::new(),
            views: Vec::new(),
            is_attended: true,
        })
    }

    /// When what is waited for is too late: the decision, or the call.
    pub fn due(&self) -> Option<Timestamp> {
        match &self.state {
            State::Pending => Some(self.fact.expires),
            State::Granted { claim_until, .. } => Some(*claim_until),
            State::Refused { .. }
            | State::Expired { .. }
            | State::Withdrawn { .. }
            | State::Dispatched { .. } => None,
        }
    }

    /// The votes on the version that is decided on, but those that are void.
    pub fn standing(&self) -> Vec<Entry<'_>> {
        let cast = self.votes.iter().filter(|cast| !cast.is_void);
        cast.map(|cast| (cast.id, &cast.fact)).collect()
    }

    /// Who made the version that is decided on, where that was not the agent.
    pub fn editor(&self) -> Option<&Person> {
        self.edits.last().map(|edit| &edit.fact.by)
    }

    /// What is on record about it.
    pub fn apply(&mut self, id: EventId, at: Timestamp, step: Step) {
        match step {
            Step::Commented(fact) => self.comments.push(Said { id, at, fact }),
            Step::Dispatched(grant) => self.dispatched(grant, at),
            Step::Rejoined(_) if !self.state.is_final() => self.is_attended = true,
            Step::Left(_) if !self.state.is_final() => self.is_attended = false,
            Step::Expired(fact) if !self.state.is_final() => {
                self.state = State::Expired { at, granted: fact.granted, until: fact.until };
            }
            Step::Withdrawn(fact) if !self.state.is_final() => {
                self.state = State::Withdrawn { at, by: fact.by, reason: fact.reason };
            }
            step if self.state.is_pending() => self.advance(id, at, step),
            Step::Voted(_)
            | Step::Edited(_)
            | Step::Viewed(_)
            | Step::Rejoined(_)
            | Step::Left(_)
            | Step::Granted(_)
            | Step::Refused(_)
            | Step::Expired(_)
            | Step::Withdrawn(_) => {}
        }
    }

    /// What can become of it while people are asked.
    fn advance(&mut self, id: EventId, at: Timestamp, step: Step) {
        match step {
            Step::Voted(fact) => {
                let is_void = fact.version != self.version || fact.digest != self.digest;
                self.votes.push(Cast { id, at, is_void, fact: *fact });
            }
            Step::Edited(fact) if fact.version == self.version.saturating_add(1) => {
                self.votes.iter_mut().for_each(|cast| cast.is_void = true);
                (self.version, self.digest) = (fact.version, fact.digest);
                (self.request, self.arguments) = (Some(fact.request), Some(fact.arguments));
                self.edits.push(Said { id, at, fact });
            }
            Step::Viewed(fact) => self.views.push(Said { id, at, fact }),
            Step::Granted(fact) if fact.digest == self.digest => {
                let (claim_until, break_glass) = (fact.claim_until, fact.break_glass);
                let votes = fact.votes;
                self.state = State::Granted { grant: id, at, claim_until, votes, break_glass };
            }
            Step::Refused(fact) => {
                self.state = State::Refused { at, until: fact.until, votes: fact.votes };
            }
            Step::Edited(_)
            | Step::Granted(_)
            | Step::Commented(_)
            | Step::Dispatched(_)
            | Step::Rejoined(_)
            | Step::Left(_)
            | Step::Expired(_)
            | Step::Withdrawn(_) => {}
        }
    }

    /// A dispatch is on record that names a grant.
    fn dispatched(&mut self, named: EventId, at: Timestamp) {
        // It may have been told by who made the call before it was shown, with its proper time.
        if let State::Granted { grant, .. } | State::Dispatched { grant, .. } = &self.state
            && *grant == named
        {
            self.state = State::Dispatched { grant: named, at };
        }
    }

    /// A person was revoked: what they said counts for nothing, unless it is decided.
    pub fn void_votes_of(&mut self, email: &str) {
        if !self.state.is_pending() {
            return;
        }
        for cast in &mut self.votes {
            let seat = Seat::of(&cast.fact);
            if [seat.hand, seat.person].iter().any(|person| same_email(&person.email, email)) {
                cast.is_void = true;
            }
        }
    }
}

#[cfg(test)]
mod tests;
