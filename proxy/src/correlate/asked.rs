//! What the gate tells the correlator about a call, and what it is told in return.

use crate::dialect;
use events::{
    CallId, CallLinked, Event, FindingRaised, LinkMethod, Mark, SessionId, SessionMethod,
    Timestamp, ToolCallAsked,
};

/// A request to a model, before it is recorded.
#[derive(Clone, Copy, Debug)]
pub struct ModelAsked<'a> {
    /// The call.
    pub call: CallId,
    /// The agent that asks.
    pub agent: &'a str,
    /// When.
    pub now: Timestamp,
    /// The session that begins if the call belongs to none that is known.
    pub fresh: SessionId,
    /// The session that the caller names in a header.
    pub claimed_session: Option<&'a str>,
    /// The `traceparent` header.
    pub trace: Option<&'a str>,
    /// The request.
    pub request: &'a dialect::Request<'a>,
}

/// Where a model call belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPlace {
    /// Its session.
    pub session: SessionId,
    /// How the session was found.
    pub method: SessionMethod,
    /// The mark of the conversation up to its last turn; none where the provider keeps the
    /// conversation, so that the request shows only a part of it.
    pub conversation: Option<Mark>,
    /// What else is to be recorded in the same batch.
    pub notes: Vec<Note>,
}

/// What a model's answer says to what is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelOutcome {
    /// The mark of the conversation with the answer, if it goes on from one.
    pub conversation: Option<Mark>,
    /// The whole tool calls that the agent is asked to make.
    pub tool_calls: Vec<ToolCallAsked>,
}

/// A `tools/call` request, before it is recorded.
#[derive(Clone, Copy, Debug)]
pub struct ToolAsked<'a> {
    /// The call.
    pub call: CallId,
    /// The agent that asks.
    pub agent: &'a str,
    /// When.
    pub now: Timestamp,
    /// The session that begins if the call belongs to none that is known.
    pub fresh: SessionId,
    /// The upstream.
    pub server: &'a str,
    /// The upstream's own name of the tool.
    pub tool: &'a str,
    /// The name that the agent used.
    pub exposed: &'a str,
    /// The JSON of `params.arguments`.
    pub arguments: Option<&'a str>,
    /// The JSON of `params._meta`.
    pub meta: Option<&'a str>,
    /// The `traceparent` header.
    pub trace: Option<&'a str>,
    /// The id of the MCP session.
    pub protocol_session: Option<&'a str>,
}

/// Where a tool call belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolPlace {
    /// Its session: that of its cause, where there is one.
    pub session: SessionId,
    /// How the session was found.
    pub method: SessionMethod,
    /// The mark of its arguments.
    pub arguments: Mark,
    /// The model call that caused it.
    pub cause: Option<CallId>,
    /// The id of the model's tool call that the caller claims to carry out.
    pub claimed: Option<String>,
    /// What else is to be recorded in the same batch.
    pub notes: Vec<Note>,
}

/// A tool call of an answer that is released to the agent, to be run out of the gateway's sight.
#[derive(Clone, Copy, Debug)]
pub struct Released<'a> {
    /// The agent.
    pub agent: &'a str,
    /// The call, as the gateway counts it.
    pub call: CallId,
    /// Its session: that in which it was held first.
    pub session: SessionId,
    /// The mark of its arguments.
    pub arguments: Mark,
    /// The model call whose answer asks for it.
    pub cause: CallId,
    /// The session of that.
    pub asked_in: SessionId,
    /// The model's id of it; empty when it has none.
    pub tool_call: &'a str,
}

/// An event about a call that is to be recorded: a link or a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The session it belongs to.
    pub session: SessionId,
    /// The call it is about.
    pub call: Option<CallId>,
    /// The call that brought it to light.
    pub cause: Option<CallId>,
    /// [`CallLinked`] or [`FindingRaised`].
    pub event: Event,
}

impl Note {
    pub(super) fn link(
        session: SessionId,
        call: CallId,
        seen_in: CallId,
        link: CallLinked,
    ) -> Self {
        Self { session, call: Some(call), cause: Some(seen_in), event: link.into() }
    }

    pub(super) fn finding(
        session: SessionId,
        call: CallId,
        seen_in: Option<CallId>,
        finding: FindingRaised,
    ) -> Self {
        Self { session, call: Some(call), cause: seen_in, event: finding.into() }
    }
}

/// The link that a result proves.
pub(super) fn proved(cause: CallId, tool_call: Option<String>) -> CallLinked {
    CallLinked { candidates: None, cause, confidence: 100, method: LinkMethod::Result, tool_call }
}
