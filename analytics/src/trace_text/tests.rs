//! Traces as they are drawn, compared whole.

mod holds;

use super::{Look, trace_text};
use crate::calls::Calls;
use crate::safe_text::columns;
use crate::samples::{
    Book, answered, applied, call, chat, link, principal, served, session, tool, verdict,
};
use crate::trace::Trace;
use events::{
    CallCompleted, CallDenied, CallDispatched, CallFailed, CallInDoubt, Decision, Dialect,
    FailureReason, FindingKind, FindingRaised, LinkMethod, MessageRelayed, Operation, Relay,
    Timestamp,
};

const PLAIN: Look = Look { width: 100, colour: false };

fn folded(book: &Book) -> Calls {
    applied(&book.events, Calls::default())
}

fn drawn(book: &Book, look: Look) -> String {
    let calls = folded(book);
    let trace = Trace::of(session(1), &calls);
    trace_text(&trace, &|_, payload| Ok(book.content(payload)), look)
}

fn agent_loop() -> Book {
    let mut book = Book::default();
    let listing = CallDispatched {
        operation: Operation::ListTools,
        method: "tools/list".into(),
        target: None,
        ..tool("", None)
    };
    book.write((1, 9), listing).write((1, 9), served(900, None)).wait(4);
    let ask = book.payload(r#"{"messages":[{"role":"user","content":"Where is\nmy bag?"}]}"#);
    let more = book.payload(
        r#"{"messages":[{"role":"user","content":"Where is\nmy bag?"},
            {"role":"tool","content":"x"}]}"#,
    );
    let find = book.payload(r#"{"params":{"name":"find_bag","arguments":{"tag": "LH\u202e1"}}}"#);
    let found = book.payload(
        "{\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"Zürich, belt 4. The bag was seen \
         first at 07:12 and then again at 07:45 by the scanner of belt 4.\"}]}}",
    );
    let said = book.payload(r#"{"choices":[{"message":{"content":"At belt 4 in Zürich."}}]}"#);
    book.write((1, 1), chat(Some(ask))).wait(812);
    book.write((1, 1), answered(812_000, None, &[("t1", "find_bag"), ("t2", "refund")])).wait(3);
    book.write((1, 2), tool("find_bag", Some(find))).wait(3);
    book.write((1, 2), link(1, "t1", LinkMethod::ToolCallId, 100));
    book.write((1, 2), served(3140, Some(found))).wait(9);
    book.write((1, 2), link(1, "t1", LinkMethod::Result, 100));
    book.write((1, 3), chat(Some(more))).wait(1200);
    book.write((1, 3), answered(1_200_000, Some(said), &[]));
    book
}

#[test]
fn a_session_is_drawn_as_a_tree_of_causes() {
    let expected = "\
ada@example.com
└─ support-bot (team support)
   └─ session ses_00000000000000000000000001 · 2026-11-21T08:00:00Z · 2.0 s · 2 model calls
      │  1 tool call · tokens 2,408 in (2,048 cached), 72 out
      ├─ #2 +0.004 s · chat gpt-4o → openai · 812 ms · tokens 1,204 in (1,024 cached), 36 out
      │  │  finish tool_calls
      │  │  user: Where is↵my bag?
      │  ├─ #4 +0.819 s · tool find_bag → airline · 3.1 ms · linked by tool call id, 100 %
      │  │     ✓ result came back
      │  │     arguments: {\"tag\":\"LH\\u202e1\"}
      │  │     result: Zürich, belt 4. The bag was seen first at 07:12 and then again at … +31 bytes
      │  └─ asked for refund · not seen to be carried out
      ├─ #8 +0.831 s · chat gpt-4o → openai · 1.2 s · tokens 1,204 in (1,024 cached), 36 out
      │     finish stop
      │     answer: At belt 4 in Zürich.
      └─ besides · tools/list × 1
";
    assert_eq!(drawn(&agent_loop(), PLAIN), expected);
}

#[test]
fn one_call_is_drawn_with_its_cause() {
    let book = agent_loop();
    let calls = folded(&book);
    let mut trace = Trace::of(session(1), &calls);
    trace.retain_call(call(2));
    let text = trace_text(&trace, &|_, _| Ok(None), PLAIN);
    assert!(text.contains("find_bag") && !text.contains("#8"), "{text}");
    assert!(text.contains("user: (payload not kept)"), "{text}");
    let text = trace_text(&trace, &|_, _| Err("damaged".to_owned()), PLAIN);
    assert!(text.contains("user: (damaged)"), "{text}");
    trace.retain_call(call(3));
    assert_eq!(trace_text(&trace, &|_, _| Ok(None), PLAIN), "");
}

fn trouble() -> Book {
    let mut book = Book::default();
    book.write((1, 1), tool("pay", None)).wait(1);
    let finding = FindingRaised {
        detail: "no model asked for `pay`".into(),
        evidence: vec![call(1)],
        kind: FindingKind::UnaskedCall,
        tool_call: None,
    };
    book.write((1, 1), finding);
    let relayed = MessageRelayed {
        call: Some(call(1)),
        direction: Relay::ToAgent,
        method: "elicitation/create".into(),
        payload: book.payload("{}"),
        principal: principal(),
        upstream: "airline".into(),
    };
    book.write((1, 1), relayed);
    let failed = CallFailed {
        answer: None,
        detail: "no byte for 30 s \u{1b}[2J".into(),
        duration_us: 30_000_000,
        may_have_acted: true,
        reason: FailureReason::TimedOut,
        status: None,
        usage: None,
    };
    book.wait(30_000).write((1, 1), failed);
    let denied = CallDenied {
        dialect: Dialect::Mcp,
        method: "tools/call".into(),
        model: None,
        operation: Operation::ExecuteTool,
        principal: principal(),
        request: None,
        shadow: None,
        target: Some("wire\u{202e}money".into()),
        upstream: Some("bank".into()),
        verdict: verdict(Decision::Deny),
    };
    book.write((1, 2), denied);
    book.write((1, 3), chat(None));
    book.write((1, 3), CallInDoubt { dispatched: 5, detail: "the gateway was killed".into() });
    book.write((1, 4), tool("refund", None));
    book.write((1, 4), CallCompleted { unsuccessful: true, ..served(2000, None) });
    book.write((1, 5), chat(None));
    book
}

#[test]
fn what_went_wrong_is_said_in_words() {
    let expected = "\
ada@example.com
└─ support-bot (team support)
   └─ session ses_00000000000000000000000001 · 2026-11-21T08:00:00Z · 30.0 s · 2 model calls
      │  3 tool calls
      ├─ #0 +0.000 s · tool pay → airline · 30.0 s · FAILED · it may have acted
      │  │  no model call is known to ask for it
      │  │  because: the upstream stayed silent too long: no byte for 30 s ⟦U+001B⟧[2J
      │  ├─ +0.001 s elicitation/create to the agent
      │  └─ ! FINDING unasked call
      │        because: no model asked for `pay`
      ├─ #4 +30.001 s · tool wire⟦U+202E⟧money → bank · DENIED
      │     no model call is known to ask for it
      │     because: not for bots (policies: default)
      ├─ #5 +30.001 s · chat gpt-4o → openai · IN DOUBT · it may have acted
      │     because: the gateway was killed
      ├─ #7 +30.001 s · tool refund → airline · 2.0 ms · ANSWERED WITH AN ERROR 200
      │     no model call is known to ask for it
      └─ #9 +30.001 s · chat gpt-4o → openai · NO OUTCOME YET
";
    assert_eq!(drawn(&trouble(), PLAIN), expected);
}

#[test]
fn lines_keep_to_the_width() {
    for width in [60, 72, 100, 160] {
        for book in [agent_loop(), trouble()] {
            let text = drawn(&book, Look { width, colour: false });
            let widest = text.lines().map(columns).max().unwrap();
            assert!(widest <= width, "{widest} of {width}:\n{text}");
        }
    }
}

#[test]
fn colour_adds_nothing_but_colour() {
    let coloured = drawn(&trouble(), Look { width: 100, colour: true });
    let sequences = ["\u{1b}[31m", "\u{1b}[33m", "\u{1b}[2m", "\u{1b}[0m"];
    assert!(sequences.iter().all(|sequence| coloured.contains(sequence)));
    let bare = sequences.iter().fold(coloured, |text, sequence| text.replace(sequence, ""));
    assert_eq!(bare, drawn(&trouble(), PLAIN));
}

#[test]
fn what_was_erased_is_told_apart_from_what_was_never_kept() {
    let book = agent_loop();
    let calls = folded(&book);
    let mut trace = Trace::of(session(1), &calls);
    trace.erased.insert(session(1), Timestamp::from_micros(1_795_248_000_000_000));
    let text = trace_text(&trace, &|_, _| Ok(None), PLAIN);
    assert!(text.contains("user: (payload erased 2026-11-21T08:00:00Z)"), "{text}");
}
