//! People, sign-ins, what is taken from people and agents, and policies.

use super::digest;
use events::{
    AgentRestored, AgentRevoked, DelegationClosed, DelegationOpened, Event, EventId,
    PasskeyRegistered, PasskeyRemoved, Person, PersonAdded, PersonRefused, PersonRestored,
    PersonRevoked, PersonSignedIn, PersonSignedOut, PolicyLoaded, PolicyRejected, SignInFailed,
    Timestamp,
};
use ulid::Ulid;

pub(super) fn ada() -> Person {
    Person { email: "ada@example.com".into(), id: "local:ada@example.com".into() }
}

pub(super) fn ben() -> Person {
    Person { email: "ben@example.com".into(), id: "corp:00u1a2b3".into() }
}

/// Some hours after the examples were recorded.
pub(super) fn until(hours: u64) -> Timestamp {
    Timestamp::from_micros(1_795_250_096_789_012 + hours * 3_600_000_000)
}

/// One of each kind.
pub(super) fn all() -> Vec<Event> {
    let mut all = passkeys();
    all.extend(accounts());
    all.extend(sign_ins());
    all.extend(taken());
    all.extend(delegations());
    all.extend(policies());
    all
}

fn passkeys() -> Vec<Event> {
    let registered = PasskeyRegistered {
        credential: "YkzOGC5nSqGyWgqb6dS2yA".into(),
        host: "gateway.example.com".into(),
        key: "pAEBAycgBiFYIGx3ZCf0kWdxMHJXvzeXw1oHcV4nq9WBn3Uo5oTqzVYk".into(),
        origin: "https://gateway.example.com".into(),
        person: ben(),
        sign_in: "sgn_7Q".into(),
    };
    let removed = PasskeyRemoved {
        by: "ben@example.com".into(),
        credential: "YkzOGC5nSqGyWgqb6dS2yA".into(),
        person: ben(),
    };
    vec![registered.into(), removed.into()]
}

fn accounts() -> Vec<Event> {
    let added = PersonAdded {
        by: "operator".into(),
        groups: vec!["finance".into()],
        person: ada(),
        roles: vec!["administrator".into(), "approver".into()],
    };
    let refused = PersonRefused {
        by: Some(ben()),
        code: "not_eligible".into(),
        detail: "`approver` is needed, and `analyst` is there".into(),
        what: "POST /api/v1/approvals/call_01M7YKV3TG0000000000000004/vote".into(),
    };
    vec![added.into(), refused.into()]
}

fn sign_ins() -> Vec<Event> {
    let signed_in = PersonSignedIn {
        expires: until(6),
        groups: vec!["finance".into(), "travel".into()],
        method: "corp".into(),
        peer: Some("192.0.2.7".into()),
        person: ben(),
        roles: vec!["approver".into()],
        sign_in: "sgn_7Q".into(),
    };
    let failed = SignInFailed {
        account: Some("ada@example.com".into()),
        detail: "the password is wrong".into(),
        method: "password".into(),
        peer: Some("192.0.2.8".into()),
    };
    let signed_out = PersonSignedOut { person: ben(), sign_in: "sgn_7Q".into() };
    vec![signed_in.into(), failed.into(), signed_out.into()]
}

fn taken() -> Vec<Event> {
    let revoked = PersonRevoked {
        by: "ada@example.com".into(),
        email: "ben@example.com".into(),
        reason: "left the company".into(),
    };
    let restored = PersonRestored {
        by: "operator".into(),
        email: "ben@example.com".into(),
        reason: "came back".into(),
    };
    let agent_revoked = AgentRevoked {
        agent: "support-bot".into(),
        by: "ada@example.com".into(),
        reason: "it asks for the same refund again and again".into(),
    };
    let agent_restored = AgentRestored {
        agent: "support-bot".into(),
        by: "operator".into(),
        reason: "its prompt was corrected".into(),
    };
    vec![revoked.into(), restored.into(), agent_revoked.into(), agent_restored.into()]
}

fn delegations() -> Vec<Event> {
    let opened = DelegationOpened {
        from: ada(),
        groups: vec!["finance".into()],
        reason: "on leave".into(),
        roles: vec!["approver".into()],
        to: "ben@example.com".into(),
        until: until(7),
    };
    let closed = DelegationClosed {
        by: "ada@example.com".into(),
        delegation: EventId::new(Ulid::from_parts(1_795_250_050_000, 26)),
    };
    vec![opened.into(), closed.into()]
}

fn policies() -> Vec<Event> {
    let loaded = PolicyLoaded {
        digest: digest(0x88),
        files: vec!["policies/agents.cedar".into(), "policies/refunds.cedar".into()],
        policies: 12,
        shadow: 3,
    };
    let rejected = PolicyRejected {
        digest: digest(0x89),
        files: vec!["policies/refunds.cedar".into()],
        problems: vec!["policies/refunds.cedar:7: unexpected token `prmit`".into()],
    };
    vec![loaded.into(), rejected.into()]
}
