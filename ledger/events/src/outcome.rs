//! How a dispatched call ended: exactly one of these for each.

use crate::{Mark, PayloadRef};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Tokens as the upstream counted them. `cached_input` and `cache_write` are parts of `input`,
/// `reasoning` is a part of `output`, whatever the dialect's own convention is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Input tokens written to the provider's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Input tokens read from the provider's cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input: Option<u64>,
    /// All input tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<u64>,
    /// All output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
    /// Output tokens spent on reasoning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
}

/// A tool call that a model's answer asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCallAsked {
    /// Keyed digest of its canonical arguments.
    pub arguments: Mark,
    /// The model's id for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The tool's name as the model wrote it.
    pub name: String,
}

/// The upstream answered, and the answer was whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCompleted {
    /// The answer's body, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<PayloadRef>,
    /// Keyed digest of the conversation with this answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Mark>,
    /// From dispatch to the answer's last byte, in microseconds.
    pub duration_us: u64,
    /// Why the model stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finish: Vec<String>,
    /// From dispatch to the answer's first byte, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// The model that answered, where it is not the one asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The provider's id of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// Keyed digest of a tool's result text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Mark>,
    /// The HTTP status; 0 where the transport has none.
    pub status: u16,
    /// The tool calls that the answer asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCallAsked>,
    /// Whether the answer says that the operation failed (`isError`, an error body).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsuccessful: bool,
    /// Tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The answer was over a limit.
    AnswerTooLarge,
    /// The upstream could not be reached; nothing was sent.
    Unreachable,
    /// The connection broke before the answer was whole.
    Broken,
    /// What came was not an answer in this dialect.
    Garbled,
    /// The upstream stayed silent too long.
    TimedOut,
    /// The stream ended without its last frame.
    Truncated,
    /// The tool server's process ended.
    Exited,
}

/// No whole answer came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFailed {
    /// What of the answer had come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<PayloadRef>,
    /// What happened, for the operator.
    pub detail: String,
    /// From dispatch, in microseconds.
    pub duration_us: u64,
    /// Whether the upstream may have done what was asked.
    pub may_have_acted: bool,
    /// Why.
    pub reason: FailureReason,
    /// The HTTP status, where one had come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Tokens counted until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// The caller gave up, or the gateway had to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallCancelled {
    /// What of the answer had come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<PayloadRef>,
    /// Who gave up: `agent` or `gateway`.
    pub by: Arc<str>,
    /// What happened.
    pub detail: String,
    /// From dispatch, in microseconds.
    pub duration_us: u64,
    /// Whether the upstream may have done what was asked; false when nothing was sent.
    pub may_have_acted: bool,
}

/// The gateway died between dispatch and outcome; nobody knows how the call ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallInDoubt {
    /// What is known.
    pub detail: String,
    /// Where the dispatch stands.
    pub dispatched: u64,
}
