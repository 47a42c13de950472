//! Puts what passes between agents and tool servers on record, by way of the gate; decides nothing.

use std::sync::Arc;

use events::{
    CallCompleted, Dialect, Event, FailureReason, Operation, Relay, SessionId, ToolsChanged,
};

use crate::clock;
use crate::config::Agent;
use crate::gate::{Answered as Content, Ask, Gate, OpenCall, Relayed};
use crate::json;
use crate::problem::ErrorCode;
use crate::upstream::Permit;

use super::envelope::Message;
use super::reply::Refusal;

/// Who talks to which server, in which session.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    /// The agent.
    pub(crate) agent: Arc<Agent>,
    /// The server's name.
    pub(crate) server: Arc<str>,
    /// The protocol session, where there is one.
    pub(crate) session: Option<Arc<str>>,
    /// What tells sessions of equal ids apart: the endpoint.
    pub(crate) scope: Arc<str>,
}

impl Talk {
    /// The session's name among all of this agent.
    fn protocol_session(&self) -> Option<String> {
        self.session.as_deref().map(|session| format!("{}/{session}", self.scope))
    }
}

/// The gate, in the words of MCP.
#[derive(Clone)]
pub(crate) struct Clerk {
    gate: Arc<Gate>,
}

/// A call on record that has no outcome yet. Dropping it records that the gateway gave it up.
#[derive(Debug)]
pub(crate) struct Call {
    open: OpenCall,
    is_tool: bool,
}

/// Why no whole answer came.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Why.
    pub(crate) reason: FailureReason,
    /// What happened, for the operator.
    pub(crate) detail: String,
    /// The HTTP status, where one had come.
    pub(crate) status: Option<u16>,
}

impl Failure {
    pub(crate) fn new(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), status: None }
    }

    /// As the agent is told.
    pub(crate) fn refusal(&self) -> Refusal {
        let code = match self.reason {
            FailureReason::AnswerTooLarge => ErrorCode::AnswerTooLarge,
            FailureReason::Unreachable => ErrorCode::UpstreamUnreachable,
            FailureReason::TimedOut => ErrorCode::UpstreamTimedOut,
            FailureReason::Broken
            | FailureReason::Garbled
            | FailureReason::Truncated
            | FailureReason::Exited => ErrorCode::UpstreamBroken,
        };
        Refusal::new(code, format!("the tool server failed: {}", self.detail))
    }
}

impl Clerk {
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self { gate }
    }

    /// The gate itself.
    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Decides about a request and puts it on record as dispatched; only then is there a permit to
    /// send it. `exposed` is the tool's name as the agent used it, `body` what goes upstream.
    pub(crate) async fn begin(
        &self,
        talk: &Talk,
        message: &Message<'_>,
        exposed: Option<&str>,
    ) -> Result<(Permit, Call), Refusal> {
        let target = message.target();
        let is_tool = message.asks("tools/call");
        let protocol_session = talk.protocol_session();
        let meta = message.value(&["params", "_meta"]);
        let trace = message.string(&["params", "_meta", "traceparent"]);
        let tool = target.as_deref().unwrap_or_default();
        let content = if is_tool {
            crate::gate::Content::Tool {
                server: &talk.server,
                tool,
                exposed: exposed.unwrap_or(tool),
                arguments: message.value(&["params", "arguments"]),
                meta,
                protocol_session: protocol_session.as_deref(),
            }
        } else {
            crate::gate::Content::Other { protocol_session: protocol_session.as_deref() }
        };
        let server = &talk.server;
        let ask = Ask {
            agent: &talk.agent,
            dialect: Dialect::Mcp,
            operation: operation(message.method()),
            method: Arc::from(message.method()),
            model: None,
            target: target.as_deref().map(Arc::from),
            upstream: Arc::clone(server),
            stream: false,
            trace: trace.as_deref(),
            body: message.text.as_bytes(),
            cuts: &[],
            object: if is_tool {
                format!("the tool `{tool}` of `{server}`")
            } else {
                format!("`{}` of `{server}`", message.method())
            },
            listed: if is_tool {
                talk.agent.may_call(server, tool)
            } else {
                may_reach(&talk.agent, server)
            },
            content,
        };
        let dispatched = self.gate.dispatch(ask).await?;
        Ok((dispatched.permit, Call { open: dispatched.call, is_tool }))
    }

    /// Puts a message that is no call of its own on record; only then is there a permit to send it.
    pub(crate) async fn relay(
        &self,
        talk: &Talk,
        direction: Relay,
        call: Option<&Call>,
        (method, message): (&str, &[u8]),
    ) -> Result<Permit, Refusal> {
        let permit = self.gate.relay(Relayed {
            agent: &talk.agent,
            session: call.map_or_else(|| self.session(talk), |call| call.open.session()),
            call: call.map(|call| call.open.id()),
            direction,
            method,
            upstream: Arc::clone(&talk.server),
            body: message,
        });
        Ok(permit.await?)
    }

    fn session(&self, talk: &Talk) -> SessionId {
        let known = talk.protocol_session();
        known.map_or_else(clock::session_id, |id| self.gate.protocol_session(&talk.agent, &id))
    }

    /// Puts on record what was seen of a server's tools.
    pub(crate) async fn note_tools(&self, changes: Vec<ToolsChanged>) {
        for changed in changes {
            self.note(changed).await;
        }
    }

    /// Puts an event about an upstream on record. The gate says so when it cannot.
    pub(crate) async fn note(&self, event: impl Into<Event>) {
        drop(self.gate.note(event).await);
    }
}

impl Call {
    /// Puts a whole answer on record; after that it may be released. `response` is the message in
    /// it, where there is one.
    pub(crate) async fn complete(
        self,
        status: u16,
        response: Option<&Message<'_>>,
        answer: &[u8],
    ) -> Result<(), Refusal> {
        let success = (200..300).contains(&status) || status == 0;
        let completed = CallCompleted {
            status,
            unsuccessful: !success || response.is_none_or(is_unsuccessful),
            ..CallCompleted::default()
        };
        let result = response.and_then(|response| response.value(&["result"]));
        let content = match result {
            Some(result) if self.is_tool => Content::Tool(result),
            _ => Content::Other,
        };
        self.open.complete(completed, content, answer).await?;
        Ok(())
    }

    /// Takes note that the answer has begun.
    pub(crate) fn first_byte(&mut self) {
        self.open.first_byte();
    }

    /// Puts on record that no whole answer came, and says what the agent is told.
    pub(crate) async fn fail(self, failure: Failure, answer: &[u8]) -> Refusal {
        let mut refusal = failure.refusal();
        refusal.problem = refusal.problem.recorded_as(self.open.id());
        let Failure { reason, detail, status } = failure;
        match self.open.fail(reason, detail, status, answer).await {
            Ok(_) => refusal,
            Err(problem) => problem.into(),
        }
    }

    /// Puts on record that the agent gave up.
    pub(crate) async fn cancel(self, detail: &str, answer: &[u8]) {
        // The gate says when it cannot record; a recovery then finds the call in doubt.
        drop(self.open.cancel(detail, answer).await);
    }
}

fn operation(method: &str) -> Operation {
    match method {
        "tools/call" => Operation::ExecuteTool,
        "tools/list" => Operation::ListTools,
        "resources/read" => Operation::Retrieval,
        _ => Operation::Other,
    }
}

/// Whether an agent may call anything of this server.
pub(crate) fn may_reach(agent: &Agent, server: &str) -> bool {
    agent.tools.iter().any(|pattern| pattern.server.matches(server))
}

/// Whether a response says that what was asked did not succeed.
fn is_unsuccessful(response: &Message<'_>) -> bool {
    json::find(response.text, &["error"]).is_some()
        || response.value(&["result", "isError"]) == Some("true")
}
