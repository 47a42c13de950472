//! Calls of tools that people must allow, in both eras and at both endpoints.

use approvals::HoldFilter;
use events::{Event, Vote};
use tests::wire::Connection;

use crate::call::{Call, arguments, is_error, state, text};
use crate::plan::Plan;
use crate::stage::{HASTY, PATIENT, Stage};

fn ways(stage: &Stage) -> Vec<Call> {
    let arguments = arguments(&stage.standins);
    let way = |path, modern| Call {
        path,
        modern,
        session: None,
        state: None,
        arguments: arguments.clone(),
    };
    let legacy = |path| {
        let session = tests::mcp::session(stage.agents(), path, &[]);
        Call { session: Some(session), ..way(path, false) }
    };
    vec![way("/mcp/airline", true), way("/mcp", true), legacy("/mcp/airline"), legacy("/mcp")]
}

#[test]
fn a_held_call_goes_upstream_once_and_only_after_people_have_allowed_it() {
    let stage = Stage::start(PATIENT);
    for (number, call) in ways(&stage).into_iter().enumerate() {
        let before = stage.made();
        let answer = std::thread::scope(|scope| {
            let asked = scope.spawn(|| stage.call(&call));
            let held = stage.held();
            assert_eq!(held.waiting, 1);
            assert_eq!(stage.made(), before, "{number}: nothing was sent");
            stage.vote(held.hold.id, "grace@example.com", Vote::Approve);
            asked.join().unwrap()
        });
        assert!(!is_error(&answer), "{number}: {answer}");
        assert!(!text(&answer).contains("NOT EXECUTED"), "{number}: {answer}");
    }
    let (records, _folder) = stage.end();
    records.assert_complete();
    let granted = records.dispatched().into_values().filter(|fact| fact.grant.is_some()).count();
    assert_eq!((granted, records.count("call.held"), records.count("hold.granted")), (4, 4, 4));
}

#[test]
fn a_rejected_call_never_goes_upstream_and_its_model_is_told_why() {
    let stage = Stage::start(PATIENT);
    for call in ways(&stage).into_iter().take(1) {
        let before = stage.made();
        let answer = std::thread::scope(|scope| {
            let asked = scope.spawn(|| stage.call(&call));
            stage.vote(stage.held().hold.id, "grace@example.com", Vote::Reject);
            asked.join().unwrap()
        });
        assert!(is_error(&answer), "{answer}");
        assert!(text(&answer).contains("grace@example.com rejected this call"), "{answer}");
        assert!(text(&answer).contains("because the suite says so"), "{answer}");
        assert_eq!(stage.made(), before, "nothing was sent");
        // The same again is answered by the same no, without asking anybody.
        let again = stage.call(&call);
        assert!(text(&again).contains("rejected this call"), "{again}");
        assert_eq!(stage.desk().holds(&HoldFilter::default()).len(), 1, "one hold for all ways");
    }
}

#[test]
fn a_legacy_agent_is_told_to_ask_again_and_gets_its_call_then() {
    let mut stage = Stage::start(HASTY);
    let arguments = arguments(&stage.standins);
    let call = Call { path: "/mcp", modern: false, session: None, state: None, arguments };
    let session = |stage: &Stage| Some(tests::mcp::session(stage.agents(), "/mcp", &[]));
    let first = stage.call(&Call { session: session(&stage), ..call.clone() });
    assert!(is_error(&first) && text(&first).contains("NOT EXECUTED YET"), "{first}");
    let hold = stage.held().hold.id;
    let second = stage.call(&Call { session: session(&stage), ..call.clone() });
    assert!(text(&second).contains(&hold.to_string()), "the same hold: {second}");
    stage.restart();
    assert_eq!(stage.held().hold.id, hold, "it still waits after a restart");
    stage.vote(hold, "grace@example.com", Vote::Approve);
    stage.restart();
    let third = stage.call(&Call { session: session(&stage), ..call.clone() });
    assert!(!is_error(&third), "{third}");
    let fourth = stage.call(&Call { session: session(&stage), ..call });
    assert!(text(&fourth).contains("NOT EXECUTED YET"), "a grant is good for one call: {fourth}");
    let (records, _folder) = stage.end();
    records.assert_complete();
    let granted = records.dispatched().into_values().filter(|fact| fact.grant.is_some()).count();
    assert_eq!((granted, records.count("call.held")), (1, 2));
    assert_eq!(records.count("hold.rejoined"), 2);
}

#[test]
fn a_modern_agent_is_sent_back_with_a_state_and_gets_its_call_at_last() {
    let stage = Stage::start(HASTY);
    let arguments = arguments(&stage.standins);
    let mut call =
        Call { path: "/mcp/airline", modern: true, session: None, state: None, arguments };
    for _ in 0..3 {
        call.state = Some(state(&stage.call(&call)));
    }
    stage.vote(stage.held().hold.id, "grace@example.com", Vote::Approve);
    let answer = stage.call(&call);
    assert!(!is_error(&answer), "{answer}");
    let (records, _folder) = stage.end();
    let held = records.count("call.held");
    assert_eq!((held, records.count("hold.granted"), records.count("hold.rejoined")), (1, 1, 3));
    let requests: Vec<Vec<u8>> = records.payloads().unwrap();
    let sent = String::from_utf8_lossy(requests.last().unwrap()).into_owned();
    assert!(!sent.contains("requestState"), "the server sees nothing of it: {sent}");
}

#[test]
fn an_agent_that_hangs_up_leaves_its_call_undone_until_it_asks_again() {
    let stage = Stage::start(PATIENT);
    let call = ways(&stage).remove(0);
    let connection = stage.send(&call);
    let hold = stage.held().hold.id;
    drop(connection);
    tests::patience::until("nobody waits", || {
        (stage.desk().hold(hold)?.waiting == 0).then_some(())
    });
    let before = stage.made();
    stage.vote(hold, "grace@example.com", Vote::Approve);
    assert_eq!(stage.made(), before, "nobody waits, so nothing is done");
    assert!(!is_error(&stage.call(&call)), "asked again, it is made");
    let (records, _folder) = stage.end();
    let left = |event: &Event| matches!(event, Event::HoldLeft(_));
    assert_eq!(records.events.iter().filter(|envelope| left(&envelope.event)).count(), 1);
}

#[test]
fn a_tool_that_was_just_listed_can_be_called_at_once_under_policies_on_its_arguments() {
    let policy = "permit (principal, action, resource);\n\
        forbid (principal, action == Action::\"airline/cancel_reservation\", resource)\n\
        when { context.arguments.reservation_id like \"*another*\" };";
    let mut stage = Stage::of(Plan::new(policy));
    let arguments = arguments(&stage.standins);
    for round in 0..5 {
        let session = Some(tests::mcp::session(stage.agents(), "/mcp/airline", &[]));
        let arguments = arguments.clone();
        let call = Call { path: "/mcp/airline", modern: false, session, state: None, arguments };
        let mut connection = Connection::open(stage.agents()).unwrap();
        let list = tests::mcp::plain(3, "tools/list");
        for text in [list, call.text()] {
            let sent = tests::mcp::sent(call.path, &call.headers(), text);
            let answer = connection.ask(sent).unwrap();
            let answer = tests::mcp::message(&answer.body);
            assert!(answer.get("result").is_some() && !is_error(&answer), "{round}: {answer}");
        }
        stage.restart();
    }
}
