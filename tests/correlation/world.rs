//! Calls as the gate makes them, on a clock that only the test turns; every event is kept.

use events::{
    CallCompleted, CallDispatched, CallFailed, CallId, CallLinked, Decision, Dialect, Envelope,
    Event, EventId, FailureReason, FindingKind, Operation, Principal, SessionId, Timestamp,
    Verdict,
};
use proxy::caller::known_as;
use proxy::correlate::{
    Correlator, Limits, ModelAsked, ModelOutcome, ModelPlace, Note, ToolAsked, ToolPlace,
};
use proxy::dialect::{read_answer, read_request};
use serde_json::{Value, json};

use crate::wire::Wire;

/// The key of all correlators here.
pub(crate) const KEY: [u8; 32] = [7; 32];

/// One gateway's correlator with what it led to.
pub(crate) struct World {
    pub(crate) correlator: Correlator,
    pub(crate) events: Vec<Envelope>,
    pub(crate) now: u64,
    next: u128,
    wire: Wire,
}

/// A tool call before it is made.
#[derive(Clone, Debug)]
pub(crate) struct Tool<'a> {
    pub(crate) agent: &'a str,
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a str,
    pub(crate) meta: Option<Value>,
    pub(crate) protocol: Option<&'a str>,
}

impl<'a> Tool<'a> {
    pub(crate) fn new(agent: &'a str, name: &'a str, arguments: &'a str) -> Self {
        Self { agent, name, arguments, meta: None, protocol: None }
    }

    pub(crate) fn with_meta(mut self, meta: Value) -> Self {
        self.meta = Some(meta);
        self
    }

    pub(crate) fn over(mut self, protocol: &'a str) -> Self {
        self.protocol = Some(protocol);
        self
    }
}

impl Default for World {
    fn default() -> Self {
        Self::speaking(Wire::Chat)
    }
}

impl World {
    /// One whose models are spoken to in this dialect.
    pub(crate) fn speaking(wire: Wire) -> Self {
        Self {
            correlator: Correlator::new(KEY, Limits::default()),
            events: Vec::new(),
            now: 1_000_000,
            next: 1,
            wire,
        }
    }

    /// One for each dialect, which is told should the test fail.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        Wire::ALL.into_iter().map(|wire| {
            println!("in the dialect {wire:?}");
            Self::speaking(wire)
        })
    }

    /// The same gateway after a restart.
    pub(crate) fn restarted(&self) -> Self {
        let mut correlator = Correlator::new(KEY, Limits::default());
        for event in &self.events {
            correlator.apply(event);
        }
        let Self { now, next, wire, .. } = *self;
        Self { correlator, events: self.events.clone(), now, next, wire }
    }

    pub(crate) fn wait_seconds(&mut self, seconds: u64) {
        self.now += seconds * 1_000_000;
    }

    /// Asks a model: `messages` as OpenAI has them, `more` members of the body.
    pub(crate) fn ask(
        &mut self,
        agent: &str,
        messages: &Value,
        more: &Value,
    ) -> (CallId, ModelPlace) {
        let header = more.get("header").and_then(Value::as_str).map(str::to_owned);
        let trace = more.get("trace").and_then(Value::as_str).map(str::to_owned);
        let mut body = self.wire.request(messages);
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let body = body.to_string();
        let request = read_request(self.wire.route(), body.as_bytes()).unwrap();
        let (call, fresh, now) = self.turn();
        let place = self.correlator.model_asked(ModelAsked {
            call,
            agent: &known_as(&principal(agent)),
            now,
            fresh,
            claimed_session: header.as_deref(),
            trace: trace.as_deref(),
            request: &request,
        });
        self.dispatched(
            call,
            place.session,
            None,
            CallDispatched {
                conversation: place.conversation,
                session: place.method,
                trace: trace.map(Into::into),
                ..dispatched(agent, Operation::Chat, self.wire.dialect())
            },
        );
        self.noted(&place.notes);
        (call, place)
    }

    /// The model answers with this message.
    pub(crate) fn answer(&mut self, call: CallId, message: &Value) -> ModelOutcome {
        let body = self.wire.answer(&format!("answer-{call}"), message);
        let answer = read_answer(self.wire.route(), body.to_string().as_bytes());
        let (_, _, now) = self.turn();
        let outcome = self.correlator.model_answered(call, &answer, now);
        self.completed(
            call,
            CallCompleted {
                conversation: outcome.conversation,
                response: answer.id.clone(),
                tool_calls: outcome.tool_calls.clone(),
                ..CallCompleted::default()
            },
        );
        outcome
    }

    pub(crate) fn fail(&mut self, call: CallId) {
        self.correlator.unanswered(call);
        let failed = CallFailed {
            answer: None,
            detail: "broken".into(),
            duration_us: 1,
            may_have_acted: true,
            reason: FailureReason::Broken,
            status: None,
            usage: None,
        };
        let session = self.session_of(call);
        self.record(session, Some(call), None, failed.into());
    }

    /// Calls a tool.
    pub(crate) fn call(&mut self, tool: &Tool<'_>) -> (CallId, ToolPlace) {
        let (call, fresh, now) = self.turn();
        let meta = tool.meta.as_ref().map(Value::to_string);
        let place = self.correlator.tool_asked(ToolAsked {
            call,
            agent: &known_as(&principal(tool.agent)),
            now,
            fresh,
            server: "airline",
            tool: tool.name,
            exposed: tool.name,
            arguments: Some(tool.arguments).filter(|text| !text.is_empty()),
            meta: meta.as_deref(),
            trace: None,
            protocol_session: tool.protocol,
        });
        self.dispatched(
            call,
            place.session,
            place.cause,
            CallDispatched {
                arguments: Some(place.arguments),
                session: place.method,
                target: Some(tool.name.into()),
                tool_call: place.claimed.as_deref().map(Into::into),
                ..dispatched(tool.agent, Operation::ExecuteTool, Dialect::Mcp)
            },
        );
        self.noted(&place.notes);
        (call, place)
    }

    /// The tool gives this text.
    pub(crate) fn result(&mut self, call: CallId, text: &str) {
        self.result_object(call, &json!({"content": [{"type": "text", "text": text}]}));
    }

    pub(crate) fn result_object(&mut self, call: CallId, result: &Value) {
        let result = self.correlator.tool_answered(call, &result.to_string());
        self.completed(call, CallCompleted { result, ..CallCompleted::default() });
    }

    /// The links of a tool call, in the order in which they were recorded.
    pub(crate) fn links(&self, call: CallId) -> Vec<&CallLinked> {
        let of_call = self.events.iter().filter(|event| event.call == Some(call));
        let links =
            of_call.map(
                |event| {
                    if let Event::CallLinked(link) = &event.event { Some(link) } else { None }
                },
            );
        links.flatten().collect()
    }

    /// The kinds of all findings.
    pub(crate) fn findings(&self) -> Vec<FindingKind> {
        let findings = self.events.iter().map(|event| {
            if let Event::FindingRaised(finding) = &event.event { Some(finding.kind) } else { None }
        });
        findings.flatten().collect()
    }

    fn turn(&mut self) -> (CallId, SessionId, Timestamp) {
        self.now += 1000;
        self.next += 2;
        let call = CallId::new(self.next.into());
        (call, SessionId::new((self.next + 1).into()), Timestamp::from_micros(self.now))
    }

    fn session_of(&self, call: CallId) -> Option<SessionId> {
        self.events.iter().rev().find(|event| event.call == Some(call)).unwrap().session
    }

    fn dispatched(
        &mut self,
        call: CallId,
        session: SessionId,
        cause: Option<CallId>,
        fact: CallDispatched,
    ) {
        self.record(Some(session), Some(call), cause, fact.into());
    }

    fn completed(&mut self, call: CallId, fact: CallCompleted) {
        let session = self.session_of(call);
        self.record(session, Some(call), None, fact.into());
    }

    fn noted(&mut self, notes: &[Note]) {
        for note in notes {
            self.record(Some(note.session), note.call, note.cause, note.event.clone());
        }
    }

    fn record(
        &mut self,
        session: Option<SessionId>,
        call: Option<CallId>,
        cause: Option<CallId>,
        event: Event,
    ) {
        let sequence = self.events.len() as u64;
        self.events.push(Envelope {
            sequence,
            id: EventId::new(u128::from(sequence).into()),
            time: Timestamp::from_micros(self.now),
            source: "test".into(),
            session,
            cause: cause.map(|call| EventId::new(call.ulid())),
            call,
            event,
        });
    }
}

fn principal(agent: &str) -> Principal {
    let (owner, team) = ("o".into(), "t".into());
    Principal { actors: Vec::new(), agent: agent.into(), owner, team }
}

fn dispatched(agent: &str, operation: Operation, dialect: Dialect) -> CallDispatched {
    CallDispatched {
        arguments: None,
        conversation: None,
        dialect,
        grant: None,
        method: "test".into(),
        model: None,
        operation,
        principal: principal(agent),
        request: None,
        session: events::SessionMethod::New,
        shadow: None,
        stream: false,
        target: None,
        tool_call: None,
        trace: None,
        upstream: "airline".into(),
        verdict: Verdict { decision: Decision::Allow, policies: Vec::new(), reason: None },
    }
}
