//! What is allowed: pure functions from what is known and what is asked to a verdict.
//!
//! First come the lists of an agent's configuration ([`decide`]). What passes them is decided by
//! [`Policies`], written in Cedar: how is told in `docs/policy.md`, and why in Cedar in
//! `docs/decisions/0017-cedar.md`.

mod lists;

mod problem;

mod facts;

mod depth;

mod source;

mod annotation;

mod argument;

mod entity;

mod schema;

mod scope;

mod condition;

mod local;

mod check;

mod question;

mod policies;

mod deciding;

#[cfg(test)]
mod tests;

pub use annotation::ROLES;
pub use argument::ARGUMENT_BYTES_MAX;
pub use facts::{
    AgentFacts, Claims, LOCAL, Labels, Model, ModelFacts, PersonFacts, ServerFacts, ToolFacts,
    Traits,
};
pub use lists::{AGENT_LISTS, Request, decide};
pub use policies::{Policies, digest};
pub use problem::PolicyProblem;
pub use question::{Answer, Kind, Question, SessionFacts};
pub use source::Source;

/// Policies that are useful on the first day, to be changed by who uses them.
pub const STARTER: &str = include_str!("../starter.cedar");
