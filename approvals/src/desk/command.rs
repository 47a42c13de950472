//! What people tell a desk, and what it answers.

use crate::hold::{Refusal, State};
use crate::threshold::Progress;
use events::{Assertion, Channel, Digest, Mark, Person, View, Vote};
use ledger::RecordError;
use ledger::payload::Packed;
use std::sync::Arc;

/// A person, as whoever checked it found them.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug)]
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
    /// What the person's authenticator signed.
    pub assertion: Option<Assertion>,
}

/// What a person made of a call's arguments.
#[derive(Debug)]
pub struct Edit {
    /// Who.
    pub voter: Voter,
    /// The digest of what was shown.
    pub shown: Digest,
    /// The version that was shown.
    pub version: u32,
    /// The digest of what is decided on from now on.
    pub digest: Digest,
    /// Keyed digest of the canonical new arguments.
    pub arguments: Mark,
    /// The new arguments as canonical JSON.
    pub text: Arc<str>,
    /// The whole request, with the new arguments, packed for the session of the hold.
    pub request: Packed,
    /// Why.
    pub reason: Option<String>,
}

/// Where a hold is after a command.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Where.
    pub state: State,
    /// The version that is decided on.
    pub version: u32,
    /// What is decided on.
    pub digest: Digest,
    /// What it still needs.
    pub progress: Progress,
    /// Whether the command changed anything.
    pub changed: bool,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such hold.
    #[error("there is no such hold, or it was decided long ago")]
    Unknown,
    /// It may not be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The gateway stops.
    #[error("the gateway stops; nothing was changed")]
    Stopping,
}
