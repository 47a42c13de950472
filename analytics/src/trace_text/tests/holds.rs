//! Calls that had to wait for people, as they are drawn.

use super::{PLAIN, drawn};
use crate::safe_text::columns;
use crate::samples::{
    Book, approved_by, at, event, granted, held, person, rejected_by, served, tool, verdict,
};
use crate::trace_text::Look;
use events::{
    BreakGlass, CallDispatched, Decision, Digest, GrantOpened, HoldCommented, HoldEdited,
    HoldExpired, HoldGranted, HoldLeft, HoldRefused, HoldRejoined, HoldWithdrawn, Mark, NoticeKind,
    NoticeSent, PayloadRef,
};

/// A tool call that uses up the grant that this event is.
fn made(name: &str, grant: u64) -> CallDispatched {
    CallDispatched {
        grant: Some(event(grant)),
        verdict: verdict(Decision::Hold),
        ..tool(name, None)
    }
}

fn told() -> NoticeSent {
    NoticeSent {
        channel: "mail".into(),
        kind: NoticeKind::Asked,
        message: "<1@example.com>".into(),
        round: 0,
        to: vec!["ben@example.com".into()],
    }
}

fn allowed() -> Book {
    let mut book = Book::default();
    let comment = HoldCommented { by: person("eve"), text: "gold\u{202e}customer?".to_owned() };
    book.write((1, 1), held("pay")).write((1, 1), told()).wait(4000);
    book.write((1, 1), HoldLeft { detail: "told to come back".to_owned() });
    book.write((1, 1), HoldRejoined { by: "identical".into() }).wait(4000);
    book.write((1, 1), comment).wait(4000);
    book.write((1, 1), approved_by("ben")).write((1, 1), granted(&[5])).wait(1);
    book.write((1, 1), made("pay", 6)).wait(3);
    book.write((1, 1), served(3000, None));
    book
}

#[test]
fn a_call_that_people_let_go_says_who_when_and_why() {
    let expected = "\
ada@example.com
└─ support-bot (team support)
   └─ session ses_00000000000000000000000001 · 2026-11-21T08:00:00Z · 12.0 s · 0 model calls
      │  1 tool call
      └─ #0 +0.000 s · tool pay → airline · 3.0 ms · allowed by ben@example.com after 12.0 s
         │  no model call is known to ask for it
         └─ +0.000 s held · high risk · asked again × 1 · notices × 1
            │  because: not for bots (policies: default)
            ├─ +8.000 s eve@example.com commented
            │     said: gold⟦U+202E⟧customer?
            ├─ +12.000 s ben@example.com approved version 1, on the page
            │     because: the customer asked for it
            └─ +12.000 s granted until 2026-11-21T09:10:00Z
";
    assert_eq!(drawn(&allowed(), PLAIN), expected);
}

fn not_made() -> Book {
    let mut book = Book::default();
    let digest = Digest([0xca; 32]);
    let edited = HoldEdited {
        arguments: Mark([3; 16]),
        by: person("eve"),
        digest,
        reason: Some("half of it".to_owned()),
        request: PayloadRef { bytes: 7, digest, discarded: false },
        version: 2,
    };
    let glass = BreakGlass { by: person("eve"), reason: "fire".to_owned() };
    let refused = HoldRefused { digest, until: at(15), votes: vec![event(1)] };
    let expired = HoldExpired { granted: true, until: at(90) };
    let withdrawn = HoldWithdrawn { by: "agent".into(), reason: "cancelled".to_owned() };
    book.write((1, 1), held("pay")).write((1, 1), rejected_by("ben")).write((1, 1), refused);
    book.write((1, 2), held("pay")).write((1, 2), edited);
    book.write((1, 3), held("pay")).write((1, 3), approved_by("ben"));
    book.write((1, 3), HoldGranted { break_glass: Some(glass), ..granted(&[]) });
    book.write((1, 3), expired);
    book.write((1, 4), held("pay")).write((1, 4), withdrawn);
    book.write((1, 5), held("pay")).write((1, 5), granted(&[]));
    book
}

#[test]
fn a_call_that_was_not_made_says_what_became_of_it() {
    let expected = "\
ada@example.com
└─ support-bot (team support)
   └─ session ses_00000000000000000000000001 · 2026-11-21T08:00:00Z · 0 µs · 0 model calls
      │  5 tool calls
      ├─ #0 +0.000 s · tool pay → airline · REFUSED BY PEOPLE · no model call is known to ask for it
      │  └─ +0.000 s held · high risk
      │     │  because: not for bots (policies: default)
      │     ├─ +0.000 s ben@example.com rejected version 1, on the page
      │     │     because: not without a receipt
      │     └─ +0.000 s refused, stays no until 2026-11-21T08:15:00Z
      ├─ #3 +0.000 s · tool pay → airline · HELD, WAITS FOR PEOPLE
      │  │  no model call is known to ask for it
      │  └─ +0.000 s held · high risk · until 2026-11-21T09:00:00Z
      │     │  because: not for bots (policies: default)
      │     └─ +0.000 s eve@example.com made version 2
      │           because: half of it
      ├─ #5 +0.000 s · tool pay → airline · GRANTED, AND NOT MADE IN TIME
      │  │  no model call is known to ask for it
      │  └─ +0.000 s held · high risk
      │     │  because: not for bots (policies: default)
      │     ├─ +0.000 s ben@example.com approved version 1, on the page
      │     │     because: the customer asked for it
      │     ├─ +0.000 s BREAK-GLASS by eve@example.com
      │     │     because: fire
      │     └─ +0.000 s expired, stays no until 2026-11-21T09:30:00Z
      ├─ #9 +0.000 s · tool pay → airline · WITHDRAWN · no model call is known to ask for it
      │  └─ +0.000 s held · high risk
      │     │  because: not for bots (policies: default)
      │     └─ +0.000 s withdrawn by the agent
      │           because: cancelled
      └─ #11 +0.000 s · tool pay → airline · GRANTED, NOT MADE YET
         │  no model call is known to ask for it
         └─ +0.000 s held · high risk
            │  because: not for bots (policies: default)
            └─ +0.000 s granted until 2026-11-21T09:10:00Z
";
    assert_eq!(drawn(&not_made(), PLAIN), expected);
}

#[test]
fn a_call_under_a_grant_of_a_kind_names_who_opened_it() {
    let mut book = Book::default();
    let opened = GrantOpened {
        agent: "support-bot".into(),
        budget: 2,
        by: person("ben"),
        owner: "ada@example.com".into(),
        shape: PayloadRef { bytes: 7, digest: Digest([1; 32]), discarded: false },
        target: "pay".into(),
        until: at(60),
        upstream: "airline".into(),
    };
    book.write((9, 9), opened).write((1, 1), made("pay", 0)).write((1, 1), served(3000, None));
    let text = drawn(&book, Look { width: 120, colour: false });
    let allowed = "allowed by a grant of ben@example.com until 2026-11-21T09:00:00Z";
    assert!(text.contains(allowed), "{text}");
}

#[test]
fn lines_about_people_keep_to_the_width() {
    for width in [72, 100, 160] {
        for book in [allowed(), not_made()] {
            let text = drawn(&book, Look { width, colour: false });
            let widest = text.lines().map(columns).max().unwrap();
            assert!(widest <= width, "{widest} of {width}:\n{text}");
        }
    }
}
