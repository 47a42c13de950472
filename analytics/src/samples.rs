//! Events made by hand for tests: a small ledger written line by line.

mod holds;

pub(crate) use holds::{approved_by, at, event, granted, held, person, rejected_by};

use crate::projection::Projection;
use events::{
    CallCompleted, CallDispatched, CallId, CallLinked, Decision, Dialect, Digest, Envelope, Event,
    EventId, LinkMethod, Mark, Operation, PayloadRef, Principal, SessionId, SessionMethod,
    Timestamp, ToolCallAsked, Usage, Verdict,
};
use std::collections::BTreeMap;
use ulid::Ulid;

/// 2026-11-21T08:00:00Z.
pub(crate) const START: u64 = 1_795_248_000_000_000;

pub(crate) fn call(number: u128) -> CallId {
    CallId::new(Ulid::from(number))
}

pub(crate) fn session(number: u128) -> SessionId {
    SessionId::new(Ulid::from(number))
}

pub(crate) fn principal() -> Principal {
    Principal {
        actors: Vec::new(),
        agent: "support-bot".into(),
        owner: "ada@example.com".into(),
        team: "support".into(),
    }
}

pub(crate) fn verdict(decision: Decision) -> Verdict {
    Verdict { decision, policies: vec!["default".into()], reason: Some("not for bots".into()) }
}

/// What a projection makes of these events.
pub(crate) fn applied<P: Projection>(events: &[Envelope], mut projection: P) -> P {
    for event in events {
        projection.apply(event);
    }
    projection
}

/// A ledger that events are written into, and the payloads they name.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) events: Vec<Envelope>,
    payloads: BTreeMap<[u8; 32], Vec<u8>>,
    millis: u64,
}

impl Book {
    /// Turns the clock.
    pub(crate) fn wait(&mut self, millis: u64) -> &mut Self {
        self.millis += millis;
        self
    }

    /// Writes an event about a call of a session.
    pub(crate) fn write(&mut self, ids: (u128, u128), event: impl Into<Event>) -> &mut Self {
        let sequence = self.events.len() as u64;
        self.events.push(Envelope {
            sequence,
            id: EventId::new(Ulid::from(u128::from(sequence))),
            time: Timestamp::from_micros(START + self.millis * 1000),
            source: "urn:test".into(),
            session: Some(session(ids.0)),
            cause: None,
            call: Some(call(ids.1)),
            event: event.into(),
        });
        self
    }

    pub(crate) fn payload(&mut self, content: &str) -> PayloadRef {
        let mut digest = [0; 32];
        digest[0] = u8::try_from(self.payloads.len()).unwrap();
        self.payloads.insert(digest, content.as_bytes().to_vec());
        PayloadRef { bytes: content.len() as u64, digest: Digest(digest), discarded: false }
    }

    pub(crate) fn content(&self, payload: &PayloadRef) -> Option<Vec<u8>> {
        self.payloads.get(&payload.digest.0).cloned()
    }
}

pub(crate) fn chat(request: Option<PayloadRef>) -> CallDispatched {
    CallDispatched {
        arguments: None,
        conversation: None,
        dialect: Dialect::Openai,
        grant: None,
        method: "POST /v1/chat/completions".into(),
        model: Some("gpt-4o".into()),
        operation: Operation::Chat,
        principal: principal(),
        request,
        session: SessionMethod::New,
        shadow: None,
        stream: false,
        target: None,
        tool_call: None,
        trace: None,
        upstream: "openai".into(),
        verdict: verdict(Decision::Allow),
    }
}

pub(crate) fn tool(name: &str, request: Option<PayloadRef>) -> CallDispatched {
    CallDispatched {
        dialect: Dialect::Mcp,
        method: "tools/call".into(),
        model: None,
        operation: Operation::ExecuteTool,
        session: SessionMethod::Link,
        target: Some(name.into()),
        upstream: "airline".into(),
        ..chat(request)
    }
}

pub(crate) fn answered(
    duration_us: u64,
    answer: Option<PayloadRef>,
    asked: &[(&str, &str)],
) -> CallCompleted {
    let asked = asked.iter().map(|(id, name)| ToolCallAsked {
        arguments: Mark([0; 16]),
        id: Some((*id).to_owned()),
        name: (*name).to_owned(),
    });
    let tool_calls: Vec<ToolCallAsked> = asked.collect();
    let finish = if tool_calls.is_empty() { "stop" } else { "tool_calls" };
    CallCompleted {
        answer,
        duration_us,
        finish: vec![finish.to_owned()],
        status: 200,
        tool_calls,
        usage: Some(Usage {
            input: Some(1204),
            cached_input: Some(1024),
            output: Some(36),
            ..Usage::default()
        }),
        ..CallCompleted::default()
    }
}

pub(crate) fn served(duration_us: u64, answer: Option<PayloadRef>) -> CallCompleted {
    CallCompleted { answer, duration_us, status: 200, ..CallCompleted::default() }
}

pub(crate) fn link(cause: u128, id: &str, method: LinkMethod, confidence: u8) -> CallLinked {
    let tool_call = Some(id.to_owned());
    CallLinked { candidates: None, cause: call(cause), confidence, method, tool_call }
}
