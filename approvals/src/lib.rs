//! Who was asked: calls that wait for people, what those said, and what became of it.

#[cfg(test)]
mod kit;

mod time;

mod fingerprint;

pub mod roster;

pub mod threshold;

pub mod hold;

pub mod grant;

pub mod limits;

pub mod oversight;

pub mod desk;

pub mod notice;

pub use desk::{
    Amendment, Asked, Carried, Claim, Clock, CommandError, Decided, Delegate, DelegationRefusal,
    Desk, DeskError, Edit, Edited, GrantRefusal, HoldFilter, HoldView, Holder, NewHold, No,
    OpenGrant, Order, Settings, Standing, Waiting, Why, concerns,
};
pub use fingerprint::fingerprint;
pub use grant::{Grant, Shape};
pub use hold::{Ballot, Hold, Refusal, State, Voter};
pub use limits::{Limits, TooMany};
pub use roster::Roster;
pub use threshold::{Ineligible, Progress};
