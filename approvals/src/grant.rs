//! Calls of a kind that a person allowed for a time: what their arguments must look like.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one argument must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Anything.
    Any,
    /// A number, at most this.
    AtMost(serde_json::Number),
    /// This very value.
    Equal(serde_json::Value),
}

/// What the arguments of a call must look like, by the JSON pointer of each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Rules by path.
    pub arguments: BTreeMap<String, Rule>,
}
