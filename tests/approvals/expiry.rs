//! Where nobody decides in time, or nobody makes what was allowed, the answer is no.

use approvals::{CommandError, HoldFilter, Refusal, State};
use events::{CallId, Vote};
use tests::patience::until;

use crate::call::{Call, is_error, state, text};
use crate::plan::{Plan, holding};
use crate::scripted::answering;
use crate::stage::{HASTY, PATIENT, Stage};
use crate::voting::GRACE;

const SOON: &str = "@approvers(\"1 of role:approver\")\n@expires(\"2s\")";

const CLAIMED_SOON: &str = "@approvers(\"1 of role:approver\")\n@claim(\"2s\")";

fn is_expired(stage: &Stage, hold: CallId) -> Option<()> {
    matches!(stage.desk().hold(hold)?.hold.state, State::Expired { .. }).then_some(())
}

#[test]
fn a_call_that_nobody_decides_in_time_is_not_made_and_stays_undone() {
    let server = answering();
    let stage = Stage::of(Plan::new(&holding(SOON)).hold(PATIENT).airline(&server));
    let call = Call::of("4WQ150");
    let answer = std::thread::scope(|scope| {
        let asked = scope.spawn(|| stage.call(&call));
        stage.held();
        asked.join().unwrap()
    });
    assert!(is_error(&answer), "{answer}");
    assert!(text(&answer).contains("Nobody allowed this call in time"), "{answer}");
    let hold = stage.desk().holds(&HoldFilter::default()).pop().unwrap().hold.id;
    let late = stage.try_vote(hold, GRACE, Vote::Approve);
    assert!(matches!(late, Err(CommandError::Refused(Refusal::Decided { .. }))), "{late:?}");
    let again = stage.call(&call);
    assert!(text(&again).contains("Nobody allowed this call in time"), "{again}");
    assert_eq!(server.calls().len(), 0);
    let (records, _folder) = stage.end();
    assert_eq!((records.count("call.held"), records.count("hold.expired")), (1, 1));
}

#[test]
fn a_restart_does_not_give_people_more_time() {
    let server = answering();
    let mut stage = Stage::of(Plan::new(&holding(SOON)).hold(HASTY).airline(&server));
    let call = Call::of("4WQ150");
    stage.call(&call);
    let hold = stage.held().hold;
    stage.restart();
    assert_eq!(stage.desk().hold(hold.id).unwrap().hold.fact.expires, hold.fact.expires);
    until("the end of its time", || is_expired(&stage, hold.id));
    let again = stage.call(&call);
    assert!(text(&again).contains("Nobody allowed this call in time"), "{again}");
    stage.restart();
    let still = stage.call(&call);
    assert!(text(&still).contains("Nobody allowed this call in time"), "{still}");
    assert_eq!((server.calls().len(), stage.records().count("call.held")), (0, 1));
}

#[test]
fn a_call_that_was_allowed_and_that_nobody_makes_in_time_is_put_before_people_anew() {
    let server = answering();
    let stage = Stage::of(Plan::new(&holding(CLAIMED_SOON)).hold(HASTY).airline(&server));
    let call = Call::of("4WQ150");
    stage.call(&call);
    let hold = stage.held().hold.id;
    let granted = stage.vote(hold, GRACE, Vote::Approve);
    assert!(matches!(granted.state, State::Granted { .. }), "{granted:?}");
    until("the end of the grant", || is_expired(&stage, hold));
    let mut late = call.clone();
    late.state = Some(state(&stage.call(&call)));
    let second = stage.held().hold.id;
    assert_ne!(second, hold, "people are asked again");
    assert_eq!(server.calls().len(), 0);
    stage.vote(second, GRACE, Vote::Approve);
    assert_eq!(text(&stage.call(&late)), "done");
}
