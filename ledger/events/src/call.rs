//! What was asked, and what the gateway decided about it.

use crate::{EventId, Mark, PayloadRef, Principal};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A wire protocol that the gateway speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// The Anthropic Messages API.
    Anthropic,
    /// The Model Context Protocol.
    Mcp,
    /// The OpenAI API.
    Openai,
}

/// What kind of thing was asked; the first four are OpenTelemetry `gen_ai.operation.name` values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A model's answer to a conversation.
    Chat,
    /// Vectors for texts.
    Embeddings,
    /// A tool call.
    ExecuteTool,
    /// Reading a resource.
    Retrieval,
    /// Listing models.
    ListModels,
    /// Listing tools.
    ListTools,
    /// Any other request of the dialect, named by `method`.
    Other,
}

impl Operation {
    /// Whether a model or a tool does something, as opposed to being listed or asked about.
    pub const fn is_act(self) -> bool {
        matches!(self, Self::Chat | Self::Embeddings | Self::ExecuteTool | Self::Retrieval)
    }
}

/// What the policy answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The call may go upstream.
    Allow,
    /// The call may not go upstream.
    Deny,
    /// A person must decide.
    Hold,
}

/// A decision with what determined it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// The policies that determined it.
    pub policies: Vec<Arc<str>>,
    /// Why, in words for the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a call was put into its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionMethod {
    /// Its conversation extends an earlier one.
    Chain,
    /// The caller named the session itself.
    Explicit,
    /// It is linked to a call of that session.
    Link,
    /// It belongs to no known session and began its own.
    New,
    /// It came over a protocol session (MCP) that began it.
    Protocol,
}

/// A call that may go upstream now: request, principal and verdict together. No byte of the call
/// was sent before this was durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallDispatched {
    /// Keyed digest of the canonical tool arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Mark>,
    /// Keyed digest of the conversation up to and with its last turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<Mark>,
    /// The dialect spoken.
    pub dialect: Dialect,
    /// The grant that it uses up, or a part of: the id of `hold.granted` or `grant.opened`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<EventId>,
    /// The protocol's own name of the operation: `POST /v1/messages`, `tools/call`.
    pub method: Arc<str>,
    /// The model asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Arc<str>>,
    /// What kind of thing was asked.
    pub operation: Operation,
    /// Who asked.
    pub principal: Principal,
    /// The request body as it went upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<PayloadRef>,
    /// How the session was found.
    pub session: SessionMethod,
    /// What policies that are only watched would have made of it, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Verdict>,
    /// Whether a stream was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// The tool, resource or prompt, by its upstream's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Arc<str>>,
    /// The id of the model's tool call that the caller claims to carry out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call: Option<Arc<str>>,
    /// W3C `traceparent` as the caller sent it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Arc<str>>,
    /// The upstream that it goes to.
    pub upstream: Arc<str>,
    /// What the policy answered.
    pub verdict: Verdict,
}

/// A call that the policy forbade; nothing went upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallDenied {
    /// The dialect spoken.
    pub dialect: Dialect,
    /// The protocol's own name of the operation.
    pub method: Arc<str>,
    /// The model asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Arc<str>>,
    /// What kind of thing was asked.
    pub operation: Operation,
    /// Who asked.
    pub principal: Principal,
    /// The request body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<PayloadRef>,
    /// What policies that are only watched would have made of it, where that is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<Verdict>,
    /// The tool, resource or prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Arc<str>>,
    /// The upstream it would have gone to, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<Arc<str>>,
    /// What the policy answered.
    pub verdict: Verdict,
}

/// Input that never became a call: malformed, oversized, too slow, or by nobody we know. Of its
/// body only the size is kept, because anybody can send anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRefused {
    /// How many bytes of body had arrived.
    pub bytes: u64,
    /// The error code that the caller got.
    pub code: Arc<str>,
    /// What was wrong, as the caller was told.
    pub detail: String,
    /// The dialect of the path asked for, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dialect: Option<Dialect>,
    /// HTTP method and path, shortened to 256 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The caller's network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// Who asked, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// The HTTP status that the caller got; 0 when the connection was closed instead.
    pub status: u16,
}
