//! People and policies.

use crate::samples::{at, event, person};
use events::{
    AgentRestored, AgentRevoked, DelegationClosed, DelegationOpened, Digest, Event,
    PasskeyRegistered, PasskeyRemoved, PersonAdded, PersonRefused, PersonRestored, PersonRevoked,
    PersonSignedIn, PersonSignedOut, PolicyLoaded, PolicyRejected, SignInFailed,
};

const DIGEST: Digest = Digest([0xab; 32]);

/// One of each kind.
pub(super) fn lines() -> Vec<(Event, &'static str)> {
    let mut lines = sign_ins();
    lines.extend(taken());
    lines.extend(policies());
    lines
}

fn sign_ins() -> Vec<(Event, &'static str)> {
    let added = PersonAdded {
        by: "operator".into(),
        groups: Vec::new(),
        person: person("ben"),
        roles: Vec::new(),
    };
    let signed_in = PersonSignedIn {
        expires: at(480),
        groups: vec!["finance".into(), "travel".into()],
        method: "corp".into(),
        peer: Some("192.0.2.7".into()),
        person: person("ben"),
        roles: vec!["approver".into(), "analyst".into()],
        sign_in: "s1".into(),
    };
    let registered = PasskeyRegistered {
        credential: "c1".into(),
        host: "gateway.example.com".into(),
        key: "pQECAyYgASFYIA".to_owned(),
        origin: "https://gateway.example.com".into(),
        person: person("ben"),
        sign_in: "s1".into(),
    };
    let by = "eve@example.com".into();
    let removed = PasskeyRemoved { by, credential: "c1".into(), person: person("ben") };
    let failed = SignInFailed {
        account: None,
        detail: "no such person".to_owned(),
        method: "password".into(),
        peer: Some("192.0.2.8".into()),
    };
    let refused = PersonRefused {
        by: None,
        code: "not_signed_in".into(),
        detail: "nobody is signed in".to_owned(),
        what: "GET /inbox".to_owned(),
    };
    vec![
        (added.into(), "operator: ben@example.com, no role"),
        (
            signed_in.into(),
            "ben@example.com by corp from 192.0.2.7, approver, analyst, of finance, travel, \
             until 2026-11-21T16:00:00Z",
        ),
        (registered.into(), "ben@example.com for https://gateway.example.com (c1)"),
        (removed.into(), "eve@example.com: ben@example.com (c1)"),
        (failed.into(), "somebody by password from 192.0.2.8: no such person"),
        (
            PersonSignedOut { person: person("ben"), sign_in: "s1".into() }.into(),
            "ben@example.com (s1)",
        ),
        (refused.into(), "somebody: GET /inbox: nobody is signed in (not_signed_in)"),
    ]
}

fn taken() -> Vec<(Event, &'static str)> {
    let by = || "eve@example.com".into();
    let email = || "ben@example.com".into();
    let agent = || "support-bot".into();
    let (left, back) = (|| "left".to_owned(), || "is back".to_owned());
    let opened = DelegationOpened {
        from: person("eve"),
        groups: vec!["finance".into()],
        reason: "on leave".to_owned(),
        roles: vec!["approver".into()],
        to: email(),
        until: at(60),
    };
    vec![
        (
            PersonRevoked { by: by(), email: email(), reason: left() }.into(),
            "eve@example.com: ben@example.com: left",
        ),
        (
            PersonRestored { by: by(), email: email(), reason: back() }.into(),
            "eve@example.com: ben@example.com: is back",
        ),
        (
            AgentRevoked { agent: agent(), by: by(), reason: left() }.into(),
            "eve@example.com: support-bot: left",
        ),
        (
            AgentRestored { agent: agent(), by: by(), reason: back() }.into(),
            "eve@example.com: support-bot: is back",
        ),
        (
            opened.into(),
            "ben@example.com in place of eve@example.com until 2026-11-21T09:00:00Z, approver, \
             of finance: on leave",
        ),
        (
            DelegationClosed { by: by(), delegation: event(7) }.into(),
            "eve@example.com: 00000000000000000000000007",
        ),
    ]
}

fn policies() -> Vec<(Event, &'static str)> {
    let files = || vec!["a.cedar".into(), "b.cedar".into()];
    let loaded = PolicyLoaded { digest: DIGEST, files: files(), policies: 1200, shadow: 3 };
    let problems = vec!["a.cedar:1: not this".to_owned(), "a.cedar:2: nor that".to_owned()];
    let rejected = PolicyRejected { digest: DIGEST, files: files(), problems };
    vec![
        (loaded.into(), "abababababab, 1,200 decide, 3 watched: a.cedar, b.cedar"),
        (rejected.into(), "abababababab, a.cedar, b.cedar: a.cedar:1: not this, and 1 more"),
    ]
}
