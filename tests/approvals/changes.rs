//! What changes while a call waits: the tool, the policy, the rights, and the call itself.

use std::sync::atomic::Ordering;

use events::{Event, Vote};
use serde_json::json;
use tests::mcp;
use tests::patience::until;

use crate::call::{Call, is_error, state, text};
use crate::plan::{Plan, holding};
use crate::scripted::{answering, arguments_of, redescribed};
use crate::stage::{HASTY, PATIENT, Stage};
use crate::voting::GRACE;

const ONE: &str = "@approvers(\"1 of role:approver\")";
const TWO: &str = "@approvers(\"2 of role:approver\")";

/// An agent looks what tools there are.
fn look_around(stage: &Stage) {
    let session = mcp::session(stage.agents(), "/mcp/airline", &[]);
    let headers = [("mcp-session-id", session.as_str())];
    let listed = mcp::send(stage.agents(), "/mcp/airline", &headers, mcp::plain(3, "tools/list"));
    assert_eq!(listed.status(), 200, "{listed:?}");
}

fn withdrawn(stage: &Stage) -> usize {
    stage.records().count("hold.withdrawn")
}

#[test]
fn a_call_is_not_made_if_its_tool_is_described_otherwise_than_when_it_was_allowed() {
    let (server, turned) = redescribed();
    let stage = Stage::of(Plan::new(&holding(ONE)).hold(PATIENT).airline(&server));
    look_around(&stage);
    let call = Call::of("4WQ150");
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| stage.call(&call));
        let hold = stage.held().hold;
        assert!(hold.fact.definition.is_some(), "what was decided on is known");
        turned.store(true, Ordering::Release);
        look_around(&stage);
        stage.vote(hold.id, GRACE, Vote::Approve);
        asked.join().unwrap()
    });
    assert!(is_error(&answer), "{answer}");
    assert!(text(&answer).contains("the tool's server describes it differently"), "{answer}");
    assert_eq!((server.calls().len(), withdrawn(&stage)), (0, 1));
}

#[test]
fn a_call_that_is_asked_for_again_after_its_tool_has_changed_is_put_before_people_anew() {
    let (server, turned) = redescribed();
    let stage = Stage::of(Plan::new(&holding(ONE)).hold(HASTY).airline(&server));
    look_around(&stage);
    let call = Call::of("4WQ150");
    stage.call(&call);
    let first = stage.held().hold.id;
    turned.store(true, Ordering::Release);
    look_around(&stage);
    stage.call(&call);
    let second = stage.held().hold.id;
    assert_ne!(first, second);
    assert_eq!(withdrawn(&stage), 1);
    stage.vote(second, GRACE, Vote::Approve);
    assert_eq!(text(&stage.call(&call)), "done");
    assert_eq!(server.calls().len(), 1);
}

#[test]
fn a_tool_that_is_listed_for_the_first_time_while_its_call_waits_has_not_changed() {
    let server = answering();
    let mut stage = Stage::of(Plan::new(&holding(ONE)).hold(HASTY).airline(&server));
    let call = Call::of("4WQ150");
    stage.call(&call);
    let hold = stage.held().hold.id;
    look_around(&stage);
    stage.call(&call);
    assert_eq!(stage.held().hold.id, hold, "it is the same call");
    stage.vote(hold, GRACE, Vote::Approve);
    // What was seen before a start is not seen again until somebody lists it.
    stage.restart();
    assert_eq!(text(&stage.call(&call)), "done");
    stage.call(&Call::of("ZFA04Y"));
    let hold = stage.held().hold.id;
    look_around(&stage);
    stage.restart();
    stage.vote(hold, GRACE, Vote::Approve);
    assert_eq!(text(&stage.call(&Call::of("ZFA04Y"))), "done");
    assert_eq!((withdrawn(&stage), server.calls().len()), (0, 2));
}

/// Forbids what was only held before, and waits until that decides.
fn tighten(stage: &Stage) {
    let forbidden = "@id(\"never\")\n\
                     @why(\"Nothing is cancelled any more.\")\n\
                     forbid (principal, action == Action::\"airline/cancel_reservation\", resource);\n";
    stage.write_policy(&format!("{}{forbidden}", holding(ONE)));
    let rules = stage.gate().rules();
    until("three policies instead of two", || (rules.policies()?.len() == 3).then_some(()));
    assert_eq!(stage.records().count("policy.loaded"), 2, "it is on record before it decides");
}

#[test]
fn a_call_that_was_allowed_is_not_made_once_the_policy_forbids_it() {
    let server = answering();
    let stage = Stage::of(Plan::new(&holding(ONE)).hold(HASTY).airline(&server));
    let mut call = Call::of("4WQ150");
    let sent_back = state(&stage.call(&call));
    stage.vote(stage.held().hold.id, GRACE, Vote::Approve);
    tighten(&stage);
    let again = mcp::message(&stage.answer(&call).body);
    assert!(again.to_string().contains("Nothing is cancelled any more."), "{again}");
    call.state = Some(sent_back);
    let round = stage.call(&call);
    assert!(text(&round).contains("It was allowed, but the policy forbids it by now"), "{round}");
    let (records, _folder) = stage.end();
    assert_eq!((records.count("call.dispatched"), server.calls().len()), (0, 0));
    assert_eq!(records.count("hold.withdrawn"), 1);
}

#[test]
fn an_agent_that_is_revoked_loses_at_once_what_it_had_waiting_and_every_further_call() {
    let server = answering();
    let stage = Stage::of(Plan::new(&holding(ONE)).hold(PATIENT).airline(&server));
    let call = Call::of("4WQ150");
    let (answer, hold) = std::thread::scope(|scope| {
        let asked = scope.spawn(|| stage.answer(&call));
        let hold = stage.held().hold.id;
        let revoked = stage.desk();
        let revoked =
            revoked.revoke_agent("bot".into(), "olga@example.com".into(), "it runs wild".into());
        assert_eq!(stage.wait(revoked).unwrap(), 1, "one call was taken back");
        (asked.join().unwrap(), hold)
    });
    let said = mcp::message(&answer.body).to_string();
    assert!(answer.status() == 401 && said.contains("agent `bot` is revoked"), "{answer:?}");
    assert!(stage.try_vote(hold, GRACE, Vote::Approve).is_err(), "too late");
    assert_eq!(stage.answer(&call).status(), 401);
    assert_eq!((server.calls().len(), stage.made()), (0, 0));
}

#[test]
fn the_vote_of_an_approver_who_is_revoked_before_the_quorum_is_void() {
    let server = answering();
    let stage = Stage::of(Plan::new(&holding(TWO)).hold(PATIENT).airline(&server));
    let call = Call::of("4WQ150");
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| stage.call(&call));
        let hold = stage.held().hold.id;
        stage.vote(hold, GRACE, Vote::Approve);
        let desk = stage.desk();
        let revoked = desk.revoke_person(GRACE.into(), "olga@example.com".into(), "left".into());
        assert!(stage.wait(revoked).unwrap());
        let standing = stage.vote(hold, "ben@example.com", Vote::Approve);
        assert!(standing.state.is_pending(), "one of two: {standing:?}");
        assert!(stage.try_vote(hold, GRACE, Vote::Approve).is_err(), "no rights any more");
        assert_eq!(server.calls().len(), 0);
        stage.vote(hold, "cleo@example.com", Vote::Approve);
        asked.join().unwrap()
    });
    assert_eq!(text(&answer), "done");
    assert_eq!(server.calls().len(), 1);
}

#[test]
fn a_call_that_an_approver_changed_is_decided_on_anew_and_made_as_changed() {
    let server = answering();
    let stage = Stage::of(Plan::new(&holding(TWO)).hold(PATIENT).airline(&server));
    let call = Call::of("4WQ150");
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| stage.call(&call));
        let before = stage.held().hold;
        stage.vote(before.id, GRACE, Vote::Approve);
        let changed = r#"{"reservation_id":"ZFA04Y"}"#;
        let standing = stage.edit(before.id, "ben@example.com", changed).unwrap();
        assert_ne!(standing.digest, before.digest);
        assert_eq!(standing.version, 2);
        let own = stage.try_vote(before.id, "ben@example.com", Vote::Approve);
        assert!(own.is_err(), "who changed it does not approve it");
        let first = stage.vote(before.id, "cleo@example.com", Vote::Approve);
        assert!(first.state.is_pending(), "the vote before is void: {first:?}");
        stage.vote(before.id, GRACE, Vote::Approve);
        asked.join().unwrap()
    });
    assert!(text(&answer).contains("A person changed the arguments of this call"), "{answer}");
    assert_eq!(answer.pointer("/result/content/1/text"), Some(&json!("done")), "{answer}");
    assert_eq!(arguments_of(&server), [json!({"reservation_id": "ZFA04Y"})]);
    let (records, _folder) = stage.end();
    records.assert_complete();
    let edits = records.events.iter().filter_map(|envelope| match &envelope.event {
        Event::HoldEdited(fact) => Some(fact),
        _ => None,
    });
    let edited: Vec<_> = edits.collect();
    let made = records.dispatched();
    let made = made.values().next().unwrap();
    assert_eq!(made.arguments, Some(edited.first().unwrap().arguments), "what was decided on");
}
