//! The course of a hold: a call that waited for people, what they did, and what became of it.

use events::{CallHeld, Envelope, Event, EventId, HoldGranted, HoldVoted, Timestamp, Vote};

/// Where a hold is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// It waits for people.
    Waiting,
    /// People said yes, and it was not made yet.
    Granted,
    /// People said no.
    Refused,
    /// Nobody decided in time, or nobody made it in time.
    Expired,
    /// It is not to be made any more.
    Withdrawn,
    /// It was made.
    Dispatched,
}

impl HoldState {
    /// Its name, as programs read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Granted => "granted",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Dispatched => "dispatched",
        }
    }

    const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Granted)
    }
}

/// Something that was done to a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldStep {
    /// The event's id.
    pub id: EventId,
    /// When.
    pub time: Timestamp,
    /// What: a vote, a comment, an edit, or how it was decided.
    pub event: Event,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// What was held, in its first version.
    pub held: CallHeld,
    /// When.
    pub time: Timestamp,
    /// Where it is.
    pub state: HoldState,
    /// The version that is decided on.
    pub version: u32,
    /// Votes, comments, edits and decisions, in the order recorded.
    pub steps: Vec<HoldStep>,
    /// How often the same call was asked for again.
    pub rejoined: u64,
    /// How often a person had it on the screen, before any vote.
    pub views: u64,
    /// How many messages told people of it.
    pub notices: u64,
    /// How many could not be sent.
    pub notices_failed: u64,
    /// When it was made.
    pub dispatched: Option<Timestamp>,
}

impl Hold {
    /// A call begins to wait.
    pub(crate) const fn new(held: CallHeld, time: Timestamp) -> Self {
        Self {
            held,
            time,
            state: HoldState::Waiting,
            version: 1,
            steps: Vec::new(),
            rejoined: 0,
            views: 0,
            notices: 0,
            notices_failed: 0,
            dispatched: None,
        }
    }

    /// Takes in an event about the call. Says whether it is one that can follow.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds are about no hold")]
    pub(crate) fn apply(&mut self, envelope: &Envelope) -> bool {
        let (is_open, is_asked) = (self.state.is_open(), self.state == HoldState::Waiting);
        match &envelope.event {
            Event::HoldRejoined(_) => self.rejoined += 1,
            Event::HoldViewed(_) => self.views += 1,
            Event::NoticeSent(_) => self.notices += 1,
            Event::NoticeFailed(_) => self.notices_failed += 1,
            Event::HoldCommented(_) => self.step(envelope, self.state),
            Event::HoldEdited(fact) if is_asked => {
                self.version = fact.version;
                self.step(envelope, HoldState::Waiting);
            }
            Event::HoldVoted(_) if is_asked => self.step(envelope, self.state),
            Event::HoldGranted(_) if is_asked => self.step(envelope, HoldState::Granted),
            Event::HoldRefused(_) if is_asked => self.step(envelope, HoldState::Refused),
            Event::HoldExpired(_) if is_open => self.step(envelope, HoldState::Expired),
            Event::HoldWithdrawn(_) if is_open => self.step(envelope, HoldState::Withdrawn),
            Event::HoldVoted(_)
            | Event::HoldEdited(_)
            | Event::HoldGranted(_)
            | Event::HoldRefused(_)
            | Event::HoldExpired(_)
            | Event::HoldWithdrawn(_) => return false,
            _ => {}
        }
        true
    }

    fn step(&mut self, envelope: &Envelope, state: HoldState) {
        self.state = state;
        let (id, time) = (envelope.id, envelope.time);
        self.steps.push(HoldStep { id, time, event: envelope.event.clone() });
    }

    /// Takes note that the call was made.
    pub(crate) const fn dispatch(&mut self, time: Timestamp) {
        self.state = HoldState::Dispatched;
        self.dispatched = Some(time);
    }

    /// Every vote with its event's id, in the order recorded.
    pub fn votes(&self) -> impl Iterator<Item = (EventId, &HoldVoted)> {
        self.steps.iter().filter_map(|step| {
            let Event::HoldVoted(vote) = &step.event else { return None };
            Some((step.id, vote))
        })
    }

    /// The latest grant, with its id and time.
    pub fn grant(&self) -> Option<(EventId, Timestamp, &HoldGranted)> {
        self.steps.iter().rev().find_map(|step| {
            let Event::HoldGranted(fact) = &step.event else { return None };
            Some((step.id, step.time, fact))
        })
    }

    /// The e-mail addresses of those who let it go: whose votes the grant names, or who did it
    /// alone.
    pub fn allowed_by(&self) -> Vec<&str> {
        let Some((_, _, grant)) = self.grant() else { return Vec::new() };
        if let Some(glass) = &grant.break_glass {
            return vec![&glass.by.email];
        }
        let is_named = |id: &EventId| grant.votes.contains(id);
        let named = self.votes().filter(|(id, vote)| is_named(id) && vote.vote == Vote::Approve);
        named.map(|(_, vote)| &*vote.by.email).collect()
    }
}
