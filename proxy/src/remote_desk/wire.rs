//! What a service asks a gateway about the calls that it holds, and what it is answered, as JSON.

use events::{CallId, Digest, EventId, Mark};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where the gateway answers.
pub(super) const ORDERS: &str = "/api/v1/held/orders";
pub(super) const CHECKS: &str = "/api/v1/held/checks";
pub(super) const TOOLS: &str = "/api/v1/held/tools";
pub(super) const AGENTS: &str = "/api/v1/held/agents";
pub(super) const POLICIES: &str = "/api/v1/held/policies";
pub(super) const SALTS: &str = "/api/v1/held/salts";
pub(super) const PAYLOADS: &str = "/api/v1/held/payloads";
pub(super) const STORIES: &str = "/api/v1/held/stories";

/// An order was carried out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CarriedOut {
    /// The grant that it opened.
    #[serde(default)]
    pub(super) grant: Option<EventId>,
}

/// Other arguments for a call, to be looked at.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Check {
    pub(super) hold: CallId,
    /// JSON.
    pub(super) arguments: String,
}

/// Arguments that would do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Checked {
    /// Their keyed digest.
    pub(super) arguments: Mark,
    /// As canonical JSON.
    pub(super) text: Arc<str>,
}

/// Why something was not done.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refused {
    pub(super) detail: String,
}

/// A tool, by its server's name and its own.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ToolNamed {
    pub(super) server: String,
    pub(super) tool: String,
}

/// A tool as its server described it last.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ToolShown {
    pub(super) digest: Digest,
    pub(super) text: Option<Arc<str>>,
}

/// An agent, as configured.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AgentShown {
    pub(super) name: Arc<str>,
    pub(super) team: Arc<str>,
    pub(super) owner: Arc<str>,
}

/// The policies.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PoliciesShown {
    pub(super) digest: Digest,
    pub(super) count: usize,
    pub(super) shadowed: usize,
    pub(super) files: Result<Vec<(String, String)>, String>,
}
