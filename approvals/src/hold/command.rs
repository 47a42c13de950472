//! What can be wanted of a hold.

use crate::roster::Roster;
use events::{
    Assertion, Channel, Digest, EventId, Mark, PayloadRef, Person, Timestamp, View, Vote,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// A person, as whoever checked it found them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voter {
    /// Who.
    pub person: Person,
    /// The groups.
    pub groups: Vec<Arc<str>>,
    /// The roles.
    pub roles: Vec<Arc<str>>,
    /// The sign-in it comes under.
    pub sign_in: Option<Arc<str>>,
    /// How.
    pub channel: Channel,
}

/// What a person says to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ballot {
    /// Who.
    pub voter: Voter,
    /// Yes or no.
    pub vote: Vote,
    /// What was shown.
    pub digest: Digest,
    /// Which version of the call was shown.
    pub version: u32,
    /// Why.
    pub reason: Option<String>,
    /// What was on the screen.
    pub view: Option<View>,
    /// The e-mail address of whom the person stands in for.
    pub for_person: Option<Arc<str>>,
    /// What the person's authenticator signed. Whoever makes the ballot has verified it.
    pub assertion: Option<Assertion>,
}

/// What a person made of a call's arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Who.
    pub voter: Voter,
    /// The digest of what was shown.
    pub shown: Digest,
    /// The version that was shown.
    pub version: u32,
    /// Keyed digest of the canonical new arguments.
    pub arguments: Mark,
    /// The whole request with the new arguments.
    pub request: PayloadRef,
    /// Why.
    pub reason: Option<String>,
}

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A person votes; the vote's event will have this id.
    Vote(EventId, Ballot),
    /// A person changes the arguments.
    Edit(Edition),
    /// A person says something.
    Comment(Voter, String),
    /// A person has it on the screen.
    View(Person, Digest),
    /// A person lets it go alone, against the rule.
    BreakGlass(Ballot),
    /// A person takes it back.
    TakeBack(Voter, String),
    /// The agent, or the gateway, takes it back.
    Withdraw(Arc<str>, String),
    /// The agent asked for the same again, in this way.
    Rejoin(Arc<str>),
    /// Nobody waits for it, for this reason.
    Leave(String),
    /// Its time may be over.
    Expire,
    /// What is on record may decide it: a crash may have come between the last vote and the
    /// decision, or between a revocation and what follows from it.
    Settle,
}

/// What a decision depends on besides the hold.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Now.
    pub now: Timestamp,
    /// Who still has rights.
    pub roster: &'a Roster,
    /// For how long a no answers the same call.
    pub no_answers_for: Duration,
    /// The roles that may let a call go alone in an emergency.
    pub break_glass: &'a [Arc<str>],
    /// Whether somebody is about to make the granted call.
    pub is_claimed: bool,
}
