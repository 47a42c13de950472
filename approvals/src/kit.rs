//! What the tests of this crate are written with.

use crate::hold::{Ballot, Hold, Step, Voter};
use events::{
    CallHeld, CallId, Channel, Decision, Dialect, Digest, Envelope, Event, EventId, Filter,
    HoldRule, Mark, Operation, Person, PersonRevoked, Principal, Risk, SessionId, SessionMethod,
    Threshold, Timestamp, Verdict, Vote,
};
use std::sync::Arc;
use ulid::Ulid;

pub(crate) const SECOND: u64 = 1_000_000;

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(seconds * SECOND)
}

pub(crate) fn event_id(number: u64) -> EventId {
    EventId::new(Ulid::from(u128::from(number)))
}

pub(crate) fn call_id(number: u64) -> CallId {
    CallId::new(Ulid::from(u128::from(number)))
}

pub(crate) fn session_id(number: u64) -> SessionId {
    SessionId::new(Ulid::from(u128::from(number)))
}

pub(crate) fn person(name: &str) -> Person {
    let email = format!("{name}@example.com");
    Person { id: format!("local:{email}").into(), email: email.into() }
}

pub(crate) fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| Arc::from(*name)).collect()
}

/// Somebody with these groups, over the API.
pub(crate) fn voter(name: &str, groups: &[&str]) -> Voter {
    let (person, groups) = (person(name), names(groups));
    Voter { person, groups, roles: names(&["approver"]), sign_in: None, channel: Channel::Api }
}

/// A ballot on the first version of a hold.
pub(crate) fn ballot(voter: &Voter, vote: Vote, hold: &Hold) -> Ballot {
    Ballot {
        voter: voter.clone(),
        vote,
        digest: hold.digest,
        version: hold.version,
        reason: None,
        view: None,
        for_person: None,
        assertion: None,
    }
}

pub(crate) fn threshold(approve: u32, deny: u32, filter: &str) -> Threshold {
    Threshold { approve, deny, filter: filter.parse::<Filter>().unwrap() }
}

/// Each set in brackets.
pub(crate) fn rule(approvers: Vec<Vec<Threshold>>) -> HoldRule {
    HoldRule {
        approvers,
        claim_s: 300,
        edit: true,
        escalate: Vec::new(),
        expires_s: 600,
        own: false,
        reason: false,
        remind_s: None,
        risk: Risk::High,
        step_up: false,
    }
}

/// A call of the tool `crm/refund`, for `olga@example.com`.
pub(crate) fn held(rule: HoldRule, identity: u8) -> CallHeld {
    CallHeld {
        answer_of: None,
        arguments: Some(Mark([identity; 16])),
        definition: None,
        dialect: Dialect::Mcp,
        digest: Digest([identity; 32]),
        expires: at(rule.expires_s),
        identity: Mark([identity; 16]),
        method: "tools/call".into(),
        model: None,
        operation: Operation::ExecuteTool,
        principal: Principal {
            actors: Vec::new(),
            agent: "support-bot".into(),
            owner: "olga@example.com".into(),
            team: "support".into(),
        },
        request: None,
        rule,
        session: SessionMethod::New,
        target: Some("refund".into()),
        tool_call: None,
        upstream: "crm".into(),
        verdict: Verdict { decision: Decision::Hold, policies: Vec::new(), reason: None },
    }
}

/// An event on record.
pub(crate) fn envelope(sequence: u64, time: Timestamp, event: impl Into<Event>) -> Envelope {
    Envelope {
        sequence,
        id: event_id(sequence),
        time,
        source: "here".into(),
        session: Some(session_id(1)),
        cause: None,
        call: Some(call_id(1)),
        event: event.into(),
    }
}

/// A hold that was made at second 0 by the event 0.
pub(crate) fn hold(rule: HoldRule) -> Hold {
    Hold::begin(&envelope(0, at(0), held(rule, 1))).unwrap()
}

/// Lets steps happen to a hold, with events from this number on.
pub(crate) fn let_happen(hold: &mut Hold, from: u64, now: Timestamp, steps: Vec<Step>) {
    for (number, step) in (from..).zip(steps) {
        hold.apply(event_id(number), now, step);
    }
}

pub(crate) fn revoked(name: &str) -> PersonRevoked {
    PersonRevoked { by: "operator".into(), email: person(name).email, reason: "left".into() }
}
