//! Calls that wait for people, grants, and what people were told.

use super::people::{ada, ben, until};
use super::{call, digest, payload, principal, verdict};
use events::{
    Assertion, BreakGlass, CallDigest, CallHeld, Channel, Decision, Dialect, Escalation, Event,
    EventId, Filter, GrantOpened, GrantRevoked, HoldCommented, HoldEdited, HoldExpired,
    HoldGranted, HoldLeft, HoldRefused, HoldRejoined, HoldRule, HoldViewed, HoldVoted,
    HoldWithdrawn, Mark, NoticeFailed, NoticeKind, NoticeSent, Operation, Risk, SessionMethod,
    Threshold, View, Vote,
};
use ulid::Ulid;

/// One of each kind.
pub(super) fn all() -> Vec<Event> {
    let mut all = vec![held().into()];
    all.extend(course());
    all.extend(ends());
    all.extend(votes());
    all.extend(grants());
    all.extend(notices());
    all
}

fn event(number: u128) -> EventId {
    EventId::new(Ulid::from_parts(1_795_250_050_000, number))
}

fn rule() -> HoldRule {
    let threshold = |approve, deny, filter| Threshold { approve, deny, filter };
    HoldRule {
        approvers: vec![
            vec![
                threshold(2, 1, Filter::Group("finance".into())),
                threshold(1, 2, Filter::Person("cleo@example.com".into())),
            ],
            vec![threshold(1, 3, Filter::Role("approver".into()))],
        ],
        claim_s: 600,
        edit: true,
        escalate: vec![Escalation { after_s: 1800, to: Filter::Group("finance-leads".into()) }],
        expires_s: 3600,
        own: true,
        reason: true,
        remind_s: Some(900),
        risk: Risk::High,
        step_up: true,
    }
}

fn held() -> CallHeld {
    let mut held = CallHeld {
        answer_of: Some(call(20)),
        arguments: Some(Mark([0xa3; 16])),
        definition: Some(digest(0x66)),
        dialect: Dialect::Mcp,
        digest: digest(0),
        expires: until(1),
        identity: Mark([0xb1; 16]),
        method: "tools/call".into(),
        model: Some("gpt-5".into()),
        operation: Operation::ExecuteTool,
        principal: principal(),
        request: Some(payload(333)),
        rule: rule(),
        session: SessionMethod::Protocol,
        target: Some("cancel_reservation".into()),
        tool_call: Some("call_k5".into()),
        upstream: "airline".into(),
        verdict: verdict(Decision::Hold),
    };
    held.digest = CallDigest {
        definition: held.definition,
        dialect: held.dialect,
        method: &held.method,
        model: held.model.as_deref(),
        principal: &held.principal,
        request: held.request.map(|request| request.digest),
        target: held.target.as_deref(),
        upstream: &held.upstream,
    }
    .digest();
    held
}

fn course() -> Vec<Event> {
    let edited = HoldEdited {
        arguments: Mark([0xa4; 16]),
        by: ada(),
        digest: digest(0x77),
        reason: Some("the refund was too high".into()),
        request: payload(123),
        version: 2,
    };
    let commented = HoldCommented { by: ben(), text: "is this the gold customer?".into() };
    vec![
        HoldRejoined { by: "request_state".into() }.into(),
        HoldLeft { detail: "the agent was told to come back".into() }.into(),
        HoldViewed { by: ada(), view: digest(0x78) }.into(),
        commented.into(),
        edited.into(),
    ]
}

fn votes() -> Vec<Event> {
    let assertion = Assertion {
        authenticator: "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ".into(),
        client: "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0".into(),
        credential: "AQIDBAUGBwg".into(),
        nonce: "CQoLDA0ODxA".into(),
        signature: "MEUCIQDTGVxhrZLhx5w".into(),
    };
    let view = View {
        digest: digest(0x79),
        open_ms: 41_500,
        opened: vec!["arguments".into(), "session".into()],
        sections: 3,
    };
    let voted = HoldVoted {
        assertion: Some(assertion),
        by: ben(),
        channel: Channel::Web,
        digest: digest(0x77),
        for_person: Some(ada()),
        groups: vec!["finance".into()],
        reason: Some("agreed with the customer".into()),
        roles: vec!["approver".into(), "analyst".into()],
        sign_in: Some("sgn_7Q".into()),
        version: 2,
        view: Some(view),
        vote: Vote::Approve,
    };
    vec![voted.into()]
}

fn ends() -> Vec<Event> {
    let granted = HoldGranted {
        break_glass: Some(BreakGlass { by: ada(), reason: "the desk is on fire".into() }),
        claim_until: until(2),
        digest: digest(0x77),
        votes: vec![event(21), event(22)],
    };
    let refused =
        HoldRefused { digest: digest(0x7a), until: until(3), votes: vec![event(23), event(24)] };
    let withdrawn =
        HoldWithdrawn { by: "agent".into(), reason: "the agent cancelled the request".into() };
    vec![
        granted.into(),
        refused.into(),
        HoldExpired { granted: true, until: until(4) }.into(),
        withdrawn.into(),
    ]
}

fn grants() -> Vec<Event> {
    let opened = GrantOpened {
        agent: "support-bot".into(),
        budget: 10,
        by: ada(),
        owner: "eve@example.com".into(),
        shape: payload(99),
        target: "refund".into(),
        until: until(5),
        upstream: "crm".into(),
    };
    let revoked =
        GrantRevoked { by: ben(), grant: event(25), reason: "the campaign is over".into() };
    vec![opened.into(), revoked.into()]
}

fn notices() -> Vec<Event> {
    let sent = NoticeSent {
        channel: "mail".into(),
        kind: NoticeKind::Reminded,
        message: "<01M7YKT440.asked.0@countersign.example.com>".into(),
        round: 1,
        to: vec!["ada@example.com".into(), "ben@example.com".into()],
    };
    let failed = NoticeFailed {
        channel: "pager".into(),
        detail: "503 Service Unavailable".into(),
        kind: NoticeKind::Escalated,
        message: "msg_01M7YKT441".into(),
        round: 2,
        to: vec!["pager".into()],
        tries: 7,
    };
    vec![sent.into(), failed.into()]
}
