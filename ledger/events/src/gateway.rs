//! What the gateway itself did, and what it saw of its upstreams.

use crate::{CallId, Digest, PayloadRef, Principal};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The gateway began to accept calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayStarted {
    /// The key that verifies the ledger's checkpoints, as C2SP signed-note writes it; absent for a
    /// ledger that is not sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_key: Option<Arc<str>>,
    /// SHA-256 of the configuration's text.
    pub configuration: Digest,
    /// How durability is meant: `synced`, or `relaxed` for measurements.
    pub durability: Arc<str>,
    /// How many calls of the previous run were in doubt.
    pub in_doubt: u64,
    /// Whether an operator said to go on although the lock with the last checkpoint was lost: from
    /// here on nobody can tell whether events were taken away before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost_lock: bool,
    /// The program's version.
    pub version: Arc<str>,
}

/// The gateway ended in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayStopped {
    /// How many calls had to be cancelled because they did not end in time.
    pub cancelled: u64,
    /// Why: the signal's name, or what failed.
    pub reason: String,
}

/// The ledger was opened after a crash and an unacknowledged tail was cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRecovered {
    /// How many bytes were cut.
    pub cut_bytes: u64,
    /// SHA-256 of what was cut.
    pub cut_digest: Digest,
    /// Where it is kept, within the ledger's directory.
    pub quarantine: String,
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relay {
    /// From the agent to the upstream.
    ToUpstream,
    /// From the upstream to the agent.
    ToAgent,
}

/// A message that is not a call and its outcome: an upstream's own request (elicitation,
/// sampling), the agent's reply to it, a notification. Durable before it was passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRelayed {
    /// The call in whose course it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// Which way it went.
    pub direction: Relay,
    /// Its JSON-RPC method; `response` where it answers one.
    pub method: String,
    /// The message.
    pub payload: PayloadRef,
    /// The agent concerned.
    pub principal: Principal,
    /// The upstream concerned.
    pub upstream: Arc<str>,
}

/// One tool as its upstream described it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolSeen {
    /// SHA-256 of the canonical form of its whole definition.
    pub definition: Digest,
    /// Its name.
    pub name: String,
}

/// An upstream's list of tools was seen for the first time, or is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolsChanged {
    /// Tools that were not there before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<ToolSeen>,
    /// Tools whose definition differs from before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub altered: Vec<ToolSeen>,
    /// Names of tools that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// The upstream.
    pub upstream: Arc<str>,
}

/// A tool server's process was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamStarted {
    /// How many times it has been started since the gateway started.
    pub attempt: u64,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// The process id.
    pub process: u32,
    /// The upstream.
    pub upstream: Arc<str>,
}

/// A tool server's process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamStopped {
    /// How it ended, as the system says.
    pub detail: String,
    /// When it will be started again, in milliseconds; absent when it will not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_ms: Option<u64>,
    /// The upstream.
    pub upstream: Arc<str>,
}
