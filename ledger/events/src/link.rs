//! What belongs to what, as facts of their own, so that nothing recorded is ever edited.

use crate::CallId;
use serde::{Deserialize, Serialize};

/// How a link was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkMethod {
    /// Tool name and the digest of canonical arguments equal.
    Arguments,
    /// The tool's result came back in a later request of the model call's session.
    Result,
    /// Name equal, arguments equal but for what clients are known to add.
    Subset,
    /// The caller sent the id of the model's tool call.
    ToolCallId,
    /// The same trace id, and name and arguments equal.
    Trace,
    /// The same trace id alone.
    TraceOnly,
}

/// A tool call (the subject) was caused by a model call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallLinked {
    /// How many model-side tool calls fitted equally well; absent when just one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidates: Option<u32>,
    /// The model call that caused it.
    pub cause: CallId,
    /// How sure this is, in hundredths: 100 is certain.
    pub confidence: u8,
    /// How it was found.
    pub method: LinkMethod,
    /// The model's id of the tool call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call: Option<String>,
}

/// What kind of irregularity was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The caller claims a model's tool call whose name or arguments differ.
    ClaimMismatch,
    /// The lock that keeps the last checkpoint was empty, and the operator said to go on: events
    /// may be missing before this one.
    LostLock,
    /// A tool's result changed between the tool server and the model.
    ResultAltered,
    /// A tool call that no model asked for.
    UnaskedCall,
    /// A tool result that the gateway never served.
    UnservedResult,
}

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRaised {
    /// One sentence.
    pub detail: String,
    /// The calls that show it.
    pub evidence: Vec<CallId>,
    /// What kind.
    pub kind: FindingKind,
    /// The model's id of the tool call concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call: Option<String>,
}
