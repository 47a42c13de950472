//! Holds made by hand.

use super::{START, principal, verdict};
use events::{
    CallHeld, Channel, Decision, Dialect, Digest, EventId, Filter, HoldGranted, HoldRule,
    HoldVoted, Mark, Operation, Person, Risk, SessionMethod, Threshold, Timestamp, Vote,
};
use ulid::Ulid;

/// What is decided on.
const DIGEST: Digest = Digest([0xca; 32]);

/// So many minutes after the ledger began.
pub(crate) fn at(minutes: u64) -> Timestamp {
    Timestamp::from_micros(START + minutes * 60_000_000)
}

/// The id that the event with this sequence has in a book.
pub(crate) fn event(sequence: u64) -> EventId {
    EventId::new(Ulid::from(u128::from(sequence)))
}

pub(crate) fn person(name: &str) -> Person {
    let email = format!("{name}@example.com");
    Person { id: format!("local:{email}").into(), email: email.into() }
}

/// A tool call that one person of finance must approve within an hour.
pub(crate) fn held(tool: &str) -> CallHeld {
    let threshold = Threshold { approve: 1, deny: 1, filter: Filter::Group("finance".into()) };
    CallHeld {
        answer_of: None,
        arguments: Some(Mark([1; 16])),
        definition: None,
        dialect: Dialect::Mcp,
        digest: DIGEST,
        expires: at(60),
        identity: Mark([2; 16]),
        method: "tools/call".into(),
        model: None,
        operation: Operation::ExecuteTool,
        principal: principal(),
        request: None,
        rule: HoldRule {
            approvers: vec![vec![threshold]],
            claim_s: 600,
            edit: false,
            escalate: Vec::new(),
            expires_s: 3600,
            own: false,
            reason: false,
            remind_s: None,
            risk: Risk::High,
            step_up: false,
        },
        session: SessionMethod::Link,
        target: Some(tool.into()),
        tool_call: None,
        upstream: "airline".into(),
        verdict: verdict(Decision::Hold),
    }
}

pub(crate) fn approved_by(name: &str) -> HoldVoted {
    HoldVoted {
        assertion: None,
        by: person(name),
        channel: Channel::Web,
        digest: DIGEST,
        for_person: None,
        groups: vec!["finance".into()],
        reason: Some("the customer asked for it".to_owned()),
        roles: Vec::new(),
        sign_in: Some(format!("sign-in of {name}").into()),
        version: 1,
        view: None,
        vote: Vote::Approve,
    }
}

pub(crate) fn rejected_by(name: &str) -> HoldVoted {
    let reason = Some("not without a receipt".to_owned());
    HoldVoted { reason, vote: Vote::Reject, ..approved_by(name) }
}

/// A grant that these events, votes, decided.
pub(crate) fn granted(votes: &[u64]) -> HoldGranted {
    HoldGranted {
        break_glass: None,
        claim_until: at(70),
        digest: DIGEST,
        votes: votes.iter().map(|sequence| event(*sequence)).collect(),
    }
}
