//! Puts what passes between agents and tool servers on record, by way of the gate; decides nothing.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use events::{
    CallCancelled, CallCompleted, CallFailed, CallId, CallRefused, Dialect, Event, FailureReason,
    Operation, Principal, Relay, ToolsChanged,
};
use http::StatusCode;

use crate::config::Agent;
use crate::gate::{Ask, Gate, OpenCall, Permit, Problem};
use crate::json;

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
}

/// The gate, in the words of MCP.
#[derive(Clone)]
pub(crate) struct Clerk {
    gate: Gate,
}

/// A call on record that has no outcome yet. Dropping it records that the gateway gave it up.
pub(crate) struct Call {
    open: OpenCall,
    started: Instant,
}

/// What is known of an answer beside its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    /// The HTTP status; 0 where the transport has none.
    pub(crate) status: u16,
    /// Whether it says that the operation failed.
    pub(crate) unsuccessful: bool,
}

/// Why no whole answer came.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Why.
    pub(crate) reason: FailureReason,
    /// What happened, for the operator.
    pub(crate) detail: String,
    /// Whether the upstream may have done what was asked.
    pub(crate) may_have_acted: bool,
    /// The HTTP status, where one had come.
    pub(crate) status: Option<u16>,
}

impl Failure {
    /// The connection broke, or the answer ended too early, after the request had gone out.
    pub(crate) fn after_sending(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), may_have_acted: true, status: None }
    }
}

impl Clerk {
    pub(crate) fn new(gate: Gate) -> Self {
        Self { gate }
    }

    /// Whose key the headers carry.
    pub(crate) fn identify(&self, headers: &http::HeaderMap) -> Result<Arc<Agent>, Refusal> {
        self.gate.identify(headers).map_err(|problem| refusal(&problem))
    }

    /// Puts a request on record as dispatched; only then is there a permit to send it.
    pub(crate) async fn begin(
        &self,
        talk: &Talk,
        message: &Message<'_>,
        bytes: Bytes,
    ) -> Result<(Permit, Call), Refusal> {
        let started = Instant::now();
        let dispatched = self.gate.dispatch(ask(talk, message, bytes)).await;
        let dispatched = dispatched.map_err(|problem| refusal(&problem))?;
        Ok((dispatched.permit, Call { open: dispatched.call, started }))
    }

    /// Puts a tool call on record that this agent may not make.
    pub(crate) async fn deny(
        &self,
        talk: &Talk,
        message: &Message<'_>,
        bytes: Bytes,
        reason: String,
    ) -> Result<(), Refusal> {
        let denied = self.gate.deny(ask(talk, message, bytes), reason).await;
        denied.map_err(|problem| refusal(&problem))
    }

    /// Puts a message that is no call on record; only then is there a permit to send it.
    pub(crate) async fn relay(
        &self,
        talk: &Talk,
        direction: Relay,
        call: Option<CallId>,
        (method, message): (&str, &[u8]),
    ) -> Result<Permit, Refusal> {
        let _ = (talk, direction, call, method);
        self.gate.relay(message).await.map_err(|problem| refusal(&problem))
    }

    /// Puts refused input on record.
    pub(crate) async fn refuse(&self, refused: CallRefused) {
        self.gate.refuse(refused).await;
    }

    /// Puts on record what was seen of a server's tools.
    pub(crate) async fn note_tools(&self, changed: Option<ToolsChanged>) {
        if let Some(changed) = changed {
            self.gate.note(Event::from(changed)).await;
        }
    }

    /// Puts an event about an upstream on record.
    pub(crate) async fn note(&self, event: Event) {
        self.gate.note(event).await;
    }
}

impl Call {
    /// Its id.
    pub(crate) fn id(&self) -> CallId {
        self.open.id()
    }

    /// Puts a whole answer on record; after that it may be released.
    pub(crate) async fn complete(self, answered: Answered, answer: &[u8]) -> Result<(), Refusal> {
        let outcome = CallCompleted {
            duration_us: self.duration_us(),
            status: answered.status,
            unsuccessful: answered.unsuccessful,
            ..CallCompleted::default()
        };
        self.open.complete(outcome, answer).await.map_err(|problem| refusal(&problem))
    }

    /// Puts on record that no whole answer came.
    pub(crate) async fn fail(self, failure: Failure, answer: &[u8]) {
        let outcome = CallFailed {
            answer: None,
            detail: failure.detail,
            duration_us: self.duration_us(),
            may_have_acted: failure.may_have_acted,
            reason: failure.reason,
            status: failure.status,
            usage: None,
        };
        // The ledger itself says when it cannot record; recovery then finds the call in doubt.
        drop(self.open.fail(outcome, answer).await);
    }

    /// Puts on record that the agent gave up.
    pub(crate) async fn cancel(self, detail: &str, answer: &[u8]) {
        let outcome = CallCancelled {
            answer: None,
            by: Arc::from("agent"),
            detail: detail.to_owned(),
            duration_us: self.duration_us(),
            may_have_acted: true,
        };
        drop(self.open.cancel(outcome, answer).await);
    }

    fn duration_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

fn ask(talk: &Talk, message: &Message<'_>, bytes: Bytes) -> Ask {
    let operation = match message.method() {
        "tools/call" => Operation::ExecuteTool,
        "tools/list" => Operation::ListTools,
        "resources/read" => Operation::Retrieval,
        _ => Operation::Other,
    };
    Ask {
        agent: Arc::clone(&talk.agent),
        upstream: Arc::clone(&talk.server),
        method: Arc::from(message.method()),
        operation,
        target: message.target().map(|target| Arc::from(&*target)),
        body: bytes,
        session: talk.session.as_deref().map(str::to_owned),
        stream: false,
    }
}

fn refusal(problem: &Problem) -> Refusal {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    Refusal::new(status, 1000 + i64::from(problem.status), problem.code, problem.detail.clone())
}

/// The agent and the person it acts for, as events name them.
pub(crate) fn principal(agent: &Agent) -> Principal {
    Principal {
        agent: Arc::from(agent.name.as_str()),
        owner: Arc::from(agent.owner.as_str()),
        team: Arc::from(agent.team.as_str()),
    }
}

/// Whether a response says that what was asked did not succeed.
pub(crate) fn is_unsuccessful(response: &Message<'_>) -> bool {
    json::find(response.text, &["error"]).is_some()
        || response.value(&["result", "isError"]) == Some("true")
}

/// The refusal of input that never became a call, as an event.
pub(crate) fn refused(
    refusal: &Refusal,
    method: String,
    agent: Option<&Agent>,
    bytes: usize,
) -> CallRefused {
    CallRefused {
        bytes: bytes as u64,
        code: Arc::from(refusal.name),
        detail: refusal.detail.clone(),
        dialect: Some(Dialect::Mcp),
        method: Some(method.chars().take(256).collect()),
        peer: None,
        principal: agent.map(principal),
        status: refusal.status.as_u16(),
    }
}
