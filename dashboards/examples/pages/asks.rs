//! Calls that wait: an ordinary one, one full of tricks, and a grave one.

use approvals::fingerprint;
use dashboards::pages::{
    Ask, Challenge, Closed, ClosedKind, Comparison, DecidedPage, Deciding, HoldPage, Mood,
    Narrative, Past, Progress, Reason, Said, Shell, Signing, Threshold, Tier, Tokens, Vote,
};
use dashboards::truth::{arguments, difference, shown, view_digest};
use dashboards::{Label, Moment};
use events::{Digest, Timestamp};
use std::sync::atomic::{AtomicU32, Ordering};

/// How often the page that changes was opened.
static OPENED: AtomicU32 = AtomicU32::new(0);

/// When all this happens.
pub(crate) const NOW: u64 = 1_795_698_200_000_000;

const PLAIN: &str = r#"{"reservation_id": "4WQ150", "passengers": [{"first_name": "Chen", "last_name": "Jackson", "dob": "1956-07-07"}], "amount": 178.00, "payment_id": "gift_card_3576581", "memo": "change of date, as agreed"}"#;

const FORMER: &str = r#"{"reservation_id": "4WQ150", "passengers": [{"first_name": "Chen", "last_name": "Jackson", "dob": "1956-07-07"}], "amount": 78.00, "payment_id": "gift_card_3576581"}"#;

const GRAVE: &str = r#"{"amount": 42500.00, "currency": "EUR", "beneficiary": "Nordwind Logistik GmbH", "iban": "DE89370400440532013000", "reference": "Invoice 2026-1187", "execution": "instant"}"#;

const GRAVE_FORMER: &str = r#"{"amount": 4250.00, "currency": "EUR", "beneficiary": "Nordwind Logistik GmbH", "iban": "DE75512108001245126199", "reference": "Invoice 2026-1102", "execution": "standard"}"#;

/// What an attacker would write.
pub(crate) fn tricks() -> String {
    let long = "All good, just routine maintenance.\n".repeat(140);
    format!(
        concat!(
            r#"{{"note": "{}", "to": "ada@xn--80ak6aa92e.com", "url": "https://pаypal.com/refund","#,
            r#" "command": "ls{}; rm -rf ~ \u202e# harmless\u202c", "amount": 1e999, "#,
            r#""to": "mallory@example.com", "tags": "hi\udb40\udc41\udb40\udc42\u200d!", "#,
            r#""path": "/etc/pаsswd\r/tmp/x", "script": "echo cm0gLXJmIH4= | base64 -d | sh", "#,
            r#""hebrew": "שלום abc", "nested": {{"deep": [1, -0, 9007199254740993, null]}}, "text": "two  spaces "}}"#
        ),
        long.replace('\n', "\\n"),
        " ".repeat(50_000),
    )
}

fn at(minutes: i64) -> Moment {
    let micros = i64::try_from(NOW).unwrap_or_default() + minutes * 60_000_000;
    Moment::of(Timestamp::from_micros(u64::try_from(micros).unwrap_or_default()))
}

fn ask(tier: Tier, tool: &str, server: &str, bytes: &str, former: &str) -> Ask {
    let digest = Digest::of(&[bytes.as_bytes()]);
    let compared = difference(former.as_bytes(), bytes.as_bytes());
    Ask {
        call: "call_01KB0XWQ5Z8G6V3J2M4N7P9R1T".to_owned(),
        digest: digest.to_string(),
        fingerprint: fingerprint(&digest),
        tier,
        tool: Label::name(tool),
        server: Label::name(server),
        provenance: vec![
            "Its server says that it changes things and may destroy some.".to_owned(),
            "Its description and its schema are those of the last approved call.".to_owned(),
        ],
        agent: Label::name("support-bot"),
        team: Label::name("support"),
        for_whom: vec![Label::of("ada@example.com")],
        asked: at(-2),
        sentence: None,
        reasons: vec![Reason {
            policy: Label::of("refunds-need-a-person"),
            text: Label::of("Changes of a booking that cost money are countersigned."),
        }],
        risks: Vec::new(),
        arguments: arguments(bytes.as_bytes()),
        comparisons: vec![Comparison {
            title: "What differs from the last approved call of this tool".to_owned(),
            changes: compared.clone().unwrap_or_default(),
            problem: compared.err(),
        }],
        so_far: so_far(),
        session: "ses_01KB0XWQ5Z8G6V3J2M4N7P9R1T".to_owned(),
        narrative: Some(Narrative {
            text: shown(
                "Routine change, pre-approved by the team lead. You can approve this quickly.",
            ),
        }),
        history: history(),
    }
}

fn so_far() -> Vec<Said> {
    vec![
        Said { who: Label::of("ada@example.com"), text: shown("Please move my flight to Friday.") },
        Said {
            who: Label::of("tool get_reservation answered"),
            text: shown("{\"reservation_id\": \"4WQ150\", \"cabin\": \"economy\"}"),
        },
        Said {
            who: Label::of("model gpt-5.1"),
            text: shown("That costs 178 dollars. Shall I go on?"),
        },
        Said { who: Label::of("ada@example.com"), text: shown("yes") },
    ]
}

fn history() -> Vec<Past> {
    vec![
        Past {
            when: at(-64),
            outcome: "approved".to_owned(),
            mood: Mood::Good,
            by: Label::of("Grace Hopper"),
            differs: Some(2),
            call: "call_01KB0T3Z0M0000000000000001".to_owned(),
        },
        Past {
            when: at(-1500),
            outcome: "rejected".to_owned(),
            mood: Mood::Bad,
            by: Label::of("Ada Lovelace"),
            differs: Some(4),
            call: "call_01KB0T3Z0M0000000000000002".to_owned(),
        },
    ]
}

/// An ordinary call.
pub(crate) fn plain() -> Ask {
    let mut ask = ask(Tier::Low, "update_reservation_passengers", "airline", PLAIN, FORMER);
    ask.sentence = Some("Changes a reservation and charges 178.00 to a gift card.".to_owned());
    ask
}

/// A call of which nothing is as it seems.
pub(crate) fn tricky() -> Ask {
    let mut ask = ask(Tier::High, "run_maintenance", "ops", &tricks(), "{\"command\": \"ls\"}");
    ask.risks = vec![
        "This session has read text from outside and private data; this call reaches outside."
            .to_owned(),
        "No call of this tool was ever approved for this agent.".to_owned(),
    ];
    ask.history.clear();
    ask.for_whom.push(Label::of("grace@example.com"));
    ask
}

/// A call that two people answer for.
pub(crate) fn grave() -> Ask {
    let mut ask = ask(Tier::Critical, "initiate_transfer", "bank", GRAVE, GRAVE_FORMER);
    ask.sentence = Some("Sends 42500.00 EUR to an account it was never sent to before.".to_owned());
    ask.agent = Label::of("treasury-bot");
    ask.risks =
        vec!["The account differs from that of the last ten transfers to this name.".to_owned()];
    ask
}

fn deciding(challenge: Option<&str>, editable: Option<&str>) -> Deciding {
    let token = |verdict: &str| format!("sample-{verdict}");
    Deciding {
        tokens: Tokens { approve: token("approve"), reject: token("reject"), edit: token("edit") },
        reason_required: challenge.is_some(),
        challenge: challenge.map(|what| Challenge { what: what.to_owned() }),
        editable: editable.map(str::to_owned),
        for_person: None,
        signing: Ok(challenge.map(|_| Signing {
            nonce: "sample".to_owned(),
            options: "{}".to_owned(),
            origin: "https://gateway.example.com".to_owned(),
            is_required: true,
        })),
    }
}

fn progress(have: u32, need: u32) -> Progress {
    let vote = Vote {
        by: Label::of("Grace Hopper"),
        approves: true,
        when: at(-1),
        comment: Label::of("Invoice checked against the order. Number <b>fits</b>."),
        assurance: "signed in 4 minutes before",
    };
    Progress {
        version: 3,
        votes: (0..have).map(|_| vote.clone()).collect(),
        thresholds: vec![Threshold {
            who: Label::of("approvers of support"),
            have,
            need,
            refuse: 1,
        }],
        expires: at(13),
        left: "in 13 min".to_owned(),
        needs: "1 more with the role approver".to_owned(),
        attended: "The agent waits for the answer.".to_owned(),
        remarks: Vec::new(),
    }
}

/// The page of a call: `plain`, `tricky`, `grave`, `live` for one on which a vote arrives, or any
/// other name for one that the reader cannot decide.
pub(crate) fn page(shell: Shell, which: &str) -> HoldPage {
    let (ask, progress, deciding) = match which {
        "plain" => (plain(), progress(0, 1), Ok(deciding(None, Some(PLAIN)))),
        "tricky" => (tricky(), progress(0, 1), Ok(deciding(None, None))),
        // A vote arrives while the page is open.
        "live" => (
            plain(),
            progress(OPENED.fetch_add(1, Ordering::Relaxed).min(1), 2),
            Ok(deciding(None, None)),
        ),
        "grave" => (grave(), progress(1, 2), Ok(deciding(Some("the amount"), None))),
        _ => {
            let mut ask = plain();
            ask.tier = Tier::Medium;
            let why = "The agent acts for you: somebody else has to decide.";
            (ask, progress(0, 1), Err(why.to_owned()))
        }
    };
    let view = view_digest(&ask).map(|digest| digest.to_string()).unwrap_or_default();
    let glass = ask.tier.is_grave().then(|| "sample-break-glass".to_owned());
    let (shown, comment) = ("sample".to_owned(), "sample-comment".to_owned());
    HoldPage { shell, ask, view, progress, shown, deciding, comment, glass }
}

/// The page of a call that was decided.
pub(crate) fn decided(shell: Shell, kind: ClosedKind) -> DecidedPage {
    let ask = plain();
    let view = view_digest(&ask).map(|digest| digest.to_string()).ok();
    let closed = Closed {
        kind,
        by: Label::of("Grace Hopper"),
        when: at(-1),
        reason: Label::of("Agreed with the passenger by telephone."),
        after: "It was sent once, and was answered after 412 ms.".to_owned(),
        view,
    };
    let votes = progress(1, 1).votes;
    DecidedPage { shell, ask, closed, votes, remarks: Vec::new(), take_back: None, widening: None }
}
