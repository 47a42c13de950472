//! Calls of a kind that people allow for a time.

use crate::{EventId, PayloadRef, Person, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A person allowed calls of a kind for a time. The event's id names the grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantOpened {
    /// The agent that may.
    pub agent: Arc<str>,
    /// How many calls.
    pub budget: u32,
    /// Who opened it.
    pub by: Person,
    /// The person that the agent must act for.
    pub owner: Arc<str>,
    /// What the arguments must look like; see `docs/formats/events.md`.
    pub shape: PayloadRef,
    /// The tool.
    pub target: Arc<str>,
    /// When it ends.
    pub until: Timestamp,
    /// The tool server.
    pub upstream: Arc<str>,
}

/// A person ended a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRevoked {
    /// Who.
    pub by: Person,
    /// Which.
    pub grant: EventId,
    /// Why.
    pub reason: String,
}
