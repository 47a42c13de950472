//! Who acts, and on whose behalf.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The agent that makes a call and the person it acts for, as the configuration names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Whom else the agent acts through, the nearest first: `act` of RFC 8693.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actors: Vec<Arc<str>>,
    /// The agent's name.
    pub agent: Arc<str>,
    /// The person it acts for.
    pub owner: Arc<str>,
    /// The team that runs it.
    pub team: Arc<str>,
}
