//! Who acts, and on whose behalf.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The agent that makes a call and the person it acts for, as the configuration names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The agent's name.
    pub agent: Arc<str>,
    /// The person it acts for.
    pub owner: Arc<str>,
    /// The team that runs it.
    pub team: Arc<str>,
}
