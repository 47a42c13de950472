//! Puts what passes between agents and tool servers on record, by way of the gate; decides nothing.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use events::{
    CallCompleted, Dialect, Event, FailureReason, Operation, Relay, SessionId, ToolsChanged,
};

use crate::caller::Caller;
use crate::clock;
use crate::config::Agent;
use crate::gate::{
    Admitted, Answered as Content, Ask, Dispatched, Gate, Held, OpenCall, Relayed, pending,
};
use crate::json;
use crate::problem::ErrorCode;
use crate::upstream::Permit;

use super::envelope::Message;
use super::reply::{Refusal, SCOPE};
use super::request_state::{ROUNDS_MAX, Round, State, States, without_state};

/// Who talks to which server, in which session.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    /// The agent, and for whom.
    pub(crate) caller: Arc<Caller>,
    /// The server's name.
    pub(crate) server: Arc<str>,
    /// The protocol session, where there is one.
    pub(crate) session: Option<Arc<str>>,
    /// What tells sessions of equal ids apart: the endpoint.
    pub(crate) scope: Arc<str>,
}

impl Talk {
    /// The session's name among all of this caller.
    fn protocol_session(&self) -> Option<String> {
        self.session.as_deref().map(|session| format!("{}/{session}", self.scope))
    }
}

/// The gate, in the words of MCP.
#[derive(Clone)]
pub(crate) struct Clerk {
    gate: Arc<Gate>,
    states: States,
    /// How long a request is held open for people.
    hold: Duration,
}

/// A call on record that has no outcome yet. Dropping it records that the gateway gave it up.
#[derive(Debug)]
pub(crate) struct Call {
    open: OpenCall,
    is_tool: bool,
    /// Whether an approver changed what it does.
    is_edited: bool,
}

/// A request that may go upstream.
pub(crate) struct Begun {
    pub(crate) permit: Permit,
    pub(crate) call: Call,
    /// What is to be sent, where it is not what was asked.
    pub(crate) text: Option<String>,
}

/// Why a request may not go upstream.
pub(crate) enum NotBegun {
    /// For this reason, which is on record.
    Refused(Refusal),
    /// The agent has gone while it waited for people.
    Gone,
}

impl From<Refusal> for NotBegun {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// How an agent waits for people.
pub(crate) struct Waits<F> {
    /// Whether it speaks the modern era, and so comes back by itself.
    pub(crate) modern: bool,
    /// Ends when it has gone.
    pub(crate) gone: F,
}

/// A request in the words of the gate.
struct Spoken<'m> {
    target: Option<Cow<'m, str>>,
    exposed: Option<&'m str>,
    trace: Option<Cow<'m, str>>,
    protocol_session: Option<String>,
    is_tool: bool,
}

impl<'m> Spoken<'m> {
    fn new(talk: &Talk, message: &'m Message<'_>, exposed: Option<&'m str>) -> Self {
        Self {
            target: message.target(),
            exposed,
            trace: message.string(&["params", "_meta", "traceparent"]),
            protocol_session: talk.protocol_session(),
            is_tool: message.asks("tools/call"),
        }
    }

    fn ask<'a>(&'a self, talk: &'a Talk, message: &'a Message<'_>) -> Ask<'a> {
        let server = &talk.server;
        let tool = self.target.as_deref().unwrap_or_default();
        let protocol_session = self.protocol_session.as_deref();
        let (object, listed, content) = if self.is_tool {
            let content = crate::gate::Content::Tool {
                server,
                tool,
                exposed: self.exposed.unwrap_or(tool),
                arguments: message.value(&["params", "arguments"]),
                meta: message.value(&["params", "_meta"]),
                protocol_session,
            };
            let object = format!("the tool `{tool}` of `{server}`");
            (object, talk.caller.agent.may_call(server, tool), content)
        } else {
            let is_prompt = message.asks("prompts/get");
            let arguments = message.value(&["params", "arguments"]).filter(|_| is_prompt);
            let content = crate::gate::Content::Other { arguments, protocol_session };
            let object = format!("`{}` of `{server}`", message.method());
            (object, may_reach(&talk.caller.agent, server), content)
        };
        Ask {
            caller: &talk.caller,
            dialect: Dialect::Mcp,
            operation: operation(message.method()),
            method: Arc::from(message.method()),
            model: None,
            target: self.target.as_deref().map(Arc::from),
            upstream: Arc::clone(server),
            stream: false,
            trace: self.trace.as_deref(),
            body: message.text.as_bytes(),
            cuts: &[],
            object,
            listed,
            content,
        }
    }
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
    pub(crate) fn new(gate: Arc<Gate>, states: States, hold: Duration) -> Self {
        Self { gate, states, hold }
    }

    /// The gate itself.
    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Decides about a request and puts it on record as dispatched; only then is there a permit to
    /// send it. `exposed` is the tool's name as the agent used it. Where people must allow it, it
    /// waits for them, for as long as its agent does.
    pub(crate) async fn begin(
        &self,
        talk: &Talk,
        (message, exposed): (&Message<'_>, Option<&str>),
        waits: Waits<impl Future<Output = ()>>,
    ) -> Result<Begun, NotBegun> {
        let state = State::of(message);
        let own = state.as_ref().map(|_| without_state(message));
        let limits = json::Limits::default();
        let own = own.as_deref().map(|text| Message::read(text.as_bytes(), limits)).transpose();
        let own = own.map_err(|malformed| Refusal::malformed(malformed.code, malformed.detail))?;
        let message = own.as_ref().unwrap_or(message);
        let spoken = Spoken::new(talk, message, exposed);
        let ask = spoken.ask(talk, message);
        self.check_scopes(&ask)?;
        let round = state.as_ref().and_then(|state| self.states.open(state, &talk.caller.known_as));
        let admitted = match &round {
            Some(round) => self.gate.readmit(&ask, round.hold).await,
            None => self.gate.admit(&ask).await,
        };
        let dispatched = match admitted.map_err(Refusal::from)? {
            Admitted::Sent(dispatched) => *dispatched,
            Admitted::Waits(held) => {
                let rounds = round.map_or(0, |round| round.number);
                self.wait(&ask, *held, (rounds, waits)).await?
            }
        };
        let text =
            dispatched.edited.clone().or_else(|| own.as_ref().map(|own| own.text.to_owned()));
        let is_edited = dispatched.edited.is_some();
        let call = Call { open: dispatched.call, is_tool: spoken.is_tool, is_edited };
        Ok(Begun { permit: dispatched.permit, call, text })
    }

    /// A tool that needs more than the caller's token is good for is not called: the client asks
    /// its issuer for more. Who may not call it at all learns that first.
    fn check_scopes(&self, ask: &Ask<'_>) -> Result<(), Refusal> {
        let tool = ask.tool().filter(|_| ask.listed);
        let lacks = |tool| self.gate.tokens().lacks(ask.caller, &ask.upstream, tool);
        let Some(scopes) = tool.and_then(lacks) else { return Ok(()) };
        let scope = scopes.join(" ");
        let message = format!("{} needs a token for the scopes `{scope}`", ask.object);
        Err(Refusal::new(ErrorCode::InsufficientScope, message).explained(SCOPE, scope))
    }

    /// Waits for people, for as long as is reasonable and the agent does.
    async fn wait(
        &self,
        ask: &Ask<'_>,
        mut held: Held,
        (rounds, waits): (u32, Waits<impl Future<Output = ()>>),
    ) -> Result<Dispatched, NotBegun> {
        let decided = tokio::select! {
            decided = held.decided() => Some(decided),
            () = tokio::time::sleep(self.hold) => None,
            () = waits.gone => {
                held.leave("the agent hung up");
                return Err(NotBegun::Gone);
            }
        };
        if let Some(decided) = decided {
            let settled = self.gate.settle(ask, held, decided).await;
            return settled.map_err(|problem| Refusal::from(problem).into());
        }
        let (call, expires) = (held.call(), held.expires());
        held.leave("the agent was told to ask again");
        let pending = pending(call, &expires.to_string());
        if waits.modern && rounds < ROUNDS_MAX {
            let state =
                self.states.seal(&Round { hold: call, number: rounds + 1 }, &ask.caller.known_as);
            let result = format!(
                r#"{{"resultType":"input_required","requestState":{}}}"#,
                super::envelope::quoted(&state)
            );
            return Err(Refusal::from(pending).answered(result).into());
        }
        Err(Refusal::from(pending).into())
    }

    /// Whether an agent sees a tool in lists: it may call it, with some arguments at least.
    pub(crate) fn shows(&self, caller: &Caller, server: &str, tool: &str) -> bool {
        self.gate.may_call(caller, server, tool)
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
            caller: &talk.caller,
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
        known.map_or_else(clock::session_id, |id| self.gate.protocol_session(&talk.caller, &id))
    }

    /// Puts on record what was seen of a server's tools; after that policies know them.
    pub(crate) async fn note_tools(&self, changes: Vec<ToolsChanged>) {
        for changed in changes {
            self.note(changed).await;
        }
        self.gate.rules().catch_up().await;
    }

    /// Puts an event about an upstream on record. The gate says so when it cannot.
    pub(crate) async fn note(&self, event: impl Into<Event>) {
        drop(self.gate.note(event).await);
    }
}

impl Call {
    /// Puts a whole answer on record; after that it may be released. `response` is the message in
    /// it, where there is one. Where an approver changed the call, its agent gets the text given
    /// back, which says so.
    pub(crate) async fn complete(
        self,
        status: u16,
        response: Option<&Message<'_>>,
        answer: &[u8],
    ) -> Result<Option<String>, Refusal> {
        let noted = response.filter(|_| self.is_edited).and_then(noted);
        let success = (200..300).contains(&status) || status == 0;
        let completed = CallCompleted {
            status,
            unsuccessful: !success || response.is_none_or(is_unsuccessful),
            ..CallCompleted::default()
        };
        // What the model will be told of it.
        let told = noted.as_deref().and_then(|text| json::find(text, &["result"]));
        let result = told.map(|told| told.text);
        let result = result.or_else(|| response.and_then(|response| response.value(&["result"])));
        let content = match result {
            Some(result) if self.is_tool => Content::Tool(result),
            _ => Content::Other,
        };
        self.open.complete(completed, content, answer).await?;
        Ok(noted)
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

/// What a model must know of the result of a call that it did not make like that.
const NOTICE: &str = "[A person changed the arguments of this call before it was made, so this is \
                      the result of the call as they allowed it. Do not make the original call.]";

/// A response whose result begins with the notice.
fn noted(response: &Message<'_>) -> Option<String> {
    let content = response.value(&["result", "content"])?;
    let notice = serde_json::json!({"type": "text", "text": NOTICE}).to_string();
    let items = json::elements(content).map(|item| item.text);
    let all: Vec<&str> = [notice.as_str()].into_iter().chain(items).collect();
    json::set(response.text, &["result", "content"], &format!("[{}]", all.join(","))).ok()
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
