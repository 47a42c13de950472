//! Who was asked: calls that wait for people, what those said, and what became of it.

mod time;

mod fingerprint;

pub mod roster;

pub mod threshold;

pub mod hold;

pub mod grant;

pub mod limits;

pub mod desk;

pub mod notice;

pub use desk::{
    Asked, Ballot, Claim, Clock, CommandError, Decided, Desk, DeskError, Edit, Edited, HoldFilter,
    HoldView, NewHold, No, Settings, Standing, Voter, Waiting,
};
pub use fingerprint::fingerprint;
pub use grant::Shape;
pub use hold::{Hold, Refusal, State};
pub use limits::{Limits, TooMany};
pub use roster::Roster;
pub use threshold::{Ineligible, Progress};
