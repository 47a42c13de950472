//! Holds, grants and notices.

use crate::samples::{approved_by, at, event, granted, held, person, rejected_by};
use events::{
    Assertion, BreakGlass, Channel, Digest, Event, GrantOpened, GrantRevoked, HoldCommented,
    HoldEdited, HoldExpired, HoldGranted, HoldLeft, HoldRefused, HoldRejoined, HoldViewed,
    HoldVoted, HoldWithdrawn, Mark, NoticeFailed, NoticeKind, NoticeSent, PayloadRef,
};

use crate::summary::summary;

const DIGEST: Digest = Digest([0xab; 32]);

fn payload() -> PayloadRef {
    PayloadRef { bytes: 77, digest: DIGEST, discarded: false }
}

/// One of each kind.
pub(super) fn lines() -> Vec<(Event, &'static str)> {
    let mut lines = course();
    lines.extend(ends());
    lines.extend(grants());
    lines
}

fn course() -> Vec<(Event, &'static str)> {
    let edited = HoldEdited {
        arguments: Mark([3; 16]),
        by: person("ben"),
        digest: DIGEST,
        reason: Some("too much".to_owned()),
        request: payload(),
        version: 2,
    };
    let commented = HoldCommented { by: person("ben"), text: "who is it?".to_owned() };
    vec![
        (
            held("pay").into(),
            "support-bot for ada@example.com: tool pay → airline, high risk, \
             until 2026-11-21T09:00:00Z: not for bots",
        ),
        (
            HoldRejoined { by: "identical".into() }.into(),
            "asked for again, by an identical request",
        ),
        (
            HoldLeft { detail: "the agent hung up".to_owned() }.into(),
            "nobody waits: the agent hung up",
        ),
        (
            HoldViewed { by: person("ben"), view: DIGEST }.into(),
            "ben@example.com had it on the screen, as abababababab",
        ),
        (
            approved_by("ben").into(),
            "ben@example.com approved version 1, on the page: the customer asked for it",
        ),
        (commented.into(), "ben@example.com: who is it?"),
        (edited.into(), "ben@example.com made version 2, 77 bytes: too much"),
    ]
}

fn ends() -> Vec<(Event, &'static str)> {
    let refused = HoldRefused { digest: DIGEST, until: at(15), votes: vec![event(1), event(2)] };
    let withdrawn = HoldWithdrawn { by: "agent".into(), reason: "it was cancelled".to_owned() };
    vec![
        (granted(&[1]).into(), "by 1 vote, to be made until 2026-11-21T09:10:00Z"),
        (refused.into(), "by 2 votes, stays no until 2026-11-21T08:15:00Z"),
        (
            HoldExpired { granted: false, until: at(75) }.into(),
            "not decided in time, stays no until 2026-11-21T09:15:00Z",
        ),
        (withdrawn.into(), "by the agent: it was cancelled"),
    ]
}

fn grants() -> Vec<(Event, &'static str)> {
    let opened = GrantOpened {
        agent: "support-bot".into(),
        budget: 10,
        by: person("ben"),
        owner: "ada@example.com".into(),
        shape: payload(),
        target: "pay".into(),
        until: at(60),
        upstream: "bank".into(),
    };
    let revoked = GrantRevoked { by: person("ben"), grant: event(7), reason: "enough".to_owned() };
    let sent = NoticeSent {
        channel: "mail".into(),
        kind: NoticeKind::Asked,
        message: "<1@example.com>".into(),
        round: 0,
        to: vec!["ben@example.com".into(), "eve@example.com".into()],
    };
    let failed = NoticeFailed {
        channel: "pager".into(),
        detail: "no route".to_owned(),
        kind: NoticeKind::Reminded,
        message: "1".into(),
        round: 1,
        to: vec!["pager".into()],
        tries: 8,
    };
    vec![
        (
            opened.into(),
            "ben@example.com: support-bot for ada@example.com: tool pay → bank, 10 times \
             until 2026-11-21T09:00:00Z",
        ),
        (revoked.into(), "ben@example.com: 00000000000000000000000007: enough"),
        (sent.into(), "asked, by mail to ben@example.com, eve@example.com"),
        (failed.into(), "reminded, by pager to pager, tried 8 times: no route"),
    ]
}

#[test]
fn a_vote_says_in_whose_place_and_how_it_was_proved() {
    let assertion = Assertion {
        authenticator: String::new(),
        client: String::new(),
        credential: "c".into(),
        nonce: String::new(),
        signature: String::new(),
    };
    let vote = HoldVoted {
        assertion: Some(assertion),
        channel: Channel::Cli,
        for_person: Some(person("eve")),
        reason: None,
        version: 2,
        ..rejected_by("ben")
    };
    assert_eq!(
        summary(&vote.into()),
        "ben@example.com in place of eve@example.com rejected version 2, at the command line, signed"
    );
}

#[test]
fn an_emergency_is_said_to_be_one() {
    let glass = BreakGlass { by: person("eve"), reason: "fire".to_owned() };
    let granted = HoldGranted { break_glass: Some(glass), ..granted(&[]) };
    assert_eq!(
        summary(&granted.into()),
        "by eve@example.com alone (break-glass), to be made until 2026-11-21T09:10:00Z: fire"
    );
    let late = HoldExpired { granted: true, until: at(90) };
    assert!(summary(&late.into()).starts_with("granted, and not made in time"));
}
