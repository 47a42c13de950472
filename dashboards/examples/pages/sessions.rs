//! Sessions, with what goes well and what does not.

use crate::asks::NOW;
use dashboards::pages::{
    BranchView, CallView, Mood, SessionItem, SessionPage, SessionsPage, Shell, StepView, TextView,
};
use dashboards::truth::shown;
use dashboards::{Label, Moment};
use events::Timestamp;

const SESSION: &str = "ses_01KB0XWQ5Z8G6V3J2M4N7P9R1T";

fn item(opening: &str, remarks: Vec<(Mood, &str)>) -> SessionItem {
    SessionItem {
        session: SESSION.to_owned(),
        agent: Label::of("support-bot"),
        team: Label::of("support"),
        owner: Label::of("ada@example.com"),
        began: Moment::of(Timestamp::from_micros(NOW)),
        since: "12 min ago".to_owned(),
        lasted: "41.2 s".to_owned(),
        model_calls: 7,
        tool_calls: 9,
        remarks: remarks.into_iter().map(|(mood, text)| (mood, text.to_owned())).collect(),
        opening: Label::of(opening),
    }
}

/// The list.
pub(crate) fn list(shell: Shell) -> SessionsPage {
    let items = vec![
        item("Please move my flight to Friday.", vec![(Mood::Warning, "1 waits")]),
        item(
            "Cancel all my bookings\u{200b} and refund me.",
            vec![(Mood::Bad, "1 denied"), (Mood::Warning, "2 findings")],
        ),
        item("What is my baggage allowance?", Vec::new()),
    ];
    SessionsPage { shell, items, older: Some("/sessions?before=sample".to_owned()) }
}

fn call(sequence: u64, operation: &'static str, name: &str, mood: Mood) -> CallView {
    CallView {
        call: format!("call_{sequence}"),
        sequence,
        offset: "+2.418 s".to_owned(),
        operation,
        name: Label::of(name),
        upstream: Label::of(if operation == "chat" { "openai" } else { "airline" }),
        parts: vec!["812 ms".to_owned()],
        outcome: None,
        mood,
        because: Label::default(),
        texts: Vec::new(),
        cause: None,
        findings: Vec::new(),
        decision: None,
    }
}

fn text(what: &'static str, text: &str) -> TextView {
    TextView { what, text: Ok(shown(text)) }
}

/// One session.
pub(crate) fn page(shell: Shell) -> SessionPage {
    let mut chat = call(12, "chat", "gpt-5.1", Mood::Plain);
    chat.parts.push("tokens 1,204 in (1,024 cached), 36 out".to_owned());
    chat.texts = vec![
        text("person", "Please move my flight to Friday."),
        text("answer", "I look up the reservation, and then the flights of Friday."),
    ];
    let mut lookup = call(14, "tool", "get_reservation_details", Mood::Plain);
    lookup.cause = Some("linked by tool call id, 100 %".to_owned());
    lookup.texts = vec![
        text("arguments", "{\"reservation_id\": \"4WQ150\"}"),
        TextView { what: "result", text: Err("payload erased 2026-11-26 12:00:00Z".to_owned()) },
    ];
    let mut held = call(21, "tool", "update_reservation_passengers", Mood::Warning);
    held.outcome = Some("waits for a person".to_owned());
    held.decision = Some("/holds/call_01KB0XWQ5Z8G6V3J2M4N7P9R1T".to_owned());
    held.cause = Some("linked by arguments, 95 %".to_owned());
    let mut denied = call(24, "tool", "delete_customer", Mood::Bad);
    denied.outcome = Some("denied".to_owned());
    denied.because = Label::of("No agent deletes customers (policies: never-delete)");
    denied.findings = vec![Label::of("unasked call: no model call is known to ask for it")];
    let second = call(19, "chat", "gpt-5.1", Mood::Plain);
    let step = |call, caused, unseen| StepView { call, caused, unseen };
    let branch = BranchView {
        owner: Label::of("ada@example.com"),
        agent: Label::of("support-bot"),
        team: Label::of("support"),
        totals: vec!["41.2 s".to_owned(), "2 model calls".to_owned(), "3 tool calls".to_owned()],
        steps: vec![
            step(chat, vec![lookup], vec![Label::of("search_direct_flight")]),
            step(second, vec![held], Vec::new()),
            step(denied, Vec::new(), Vec::new()),
        ],
        besides: Label::of("tools/list × 2"),
    };
    let began = Moment::of(Timestamp::from_micros(NOW));
    SessionPage {
        shell,
        session: SESSION.to_owned(),
        began,
        branches: vec![branch],
        findings: Vec::new(),
    }
}
