//! Which policies decide.

use crate::Digest;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// From now on these policies decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyLoaded {
    /// Digest of all their text; see `docs/policy.md`.
    pub digest: Digest,
    /// The files.
    pub files: Vec<Arc<str>>,
    /// How many policies decide.
    pub policies: u64,
    /// How many are only watched.
    pub shadow: u64,
}

/// Policies were found and not taken, so that those before still decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRejected {
    /// Digest of all their text.
    pub digest: Digest,
    /// The files.
    pub files: Vec<Arc<str>>,
    /// What is wrong with them; the first ten.
    pub problems: Vec<String>,
}
