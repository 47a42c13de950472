//! What keeps people from being worn out by asking: a no that stands, and a budget of asks.

use std::collections::BTreeMap;

use approvals::HoldFilter;
use approvals::{GrantRefusal, Shape};
use events::{Timestamp, Vote};
use proxy::clock;
use serde_json::json;
use tests::patience::until;

use crate::call::{Call, is_error, text};
use crate::plan::{Plan, holding};
use crate::scripted::answering;
use crate::stage::{HASTY, PATIENT, Stage};
use crate::voting::{GRACE, REASON};

const ONE: &str = "@approvers(\"1 of role:approver\")";

#[test]
fn who_asks_fifty_times_for_what_was_rejected_gets_the_same_no_and_nobody_is_asked_again() {
    let stage = Stage::start(PATIENT);
    let call = Call::of("4WQ150");
    let first = std::thread::scope(|scope| {
        let asked = scope.spawn(|| stage.call(&call));
        stage.vote(stage.held().hold.id, GRACE, Vote::Reject);
        asked.join().unwrap()
    });
    for number in 0..50 {
        let again = stage.call(&call);
        assert!(is_error(&again), "{number}: {again}");
        assert_eq!(text(&again), text(&first), "{number}");
        assert!(text(&again).contains("Do not repeat it"), "{again}");
    }
    assert_eq!(stage.desk().holds(&HoldFilter::default()).len(), 1);
    let (records, _folder) = stage.end();
    assert_eq!((records.count("call.held"), records.count("call.denied")), (1, 50));
    assert_eq!(records.count("call.dispatched"), 0);
}

#[test]
fn an_agent_that_asks_five_hundred_times_an_hour_is_heard_sixty_times() {
    let plan = Plan::new(&holding(ONE)).hold(PATIENT).asks(60, 1000);
    let stage = Stage::of(plan);
    let asked: Vec<_> =
        (0..60).map(|number| stage.send(&Call::of(&format!("R{number}")))).collect();
    stage.all_held(60);
    for number in 60..500 {
        let refused = stage.call(&Call::of(&format!("R{number}")));
        assert!(is_error(&refused) && text(&refused).starts_with("NOT EXECUTED."), "{refused}");
        let why = "60 calls of this agent were put before people within an hour";
        assert!(text(&refused).contains(why), "{refused}");
    }
    drop(asked);
    let (records, _folder) = stage.end();
    assert_eq!((records.count("call.held"), records.count("call.denied")), (60, 440));
    assert_eq!(records.count("call.dispatched"), 0);
}

#[test]
fn no_more_of_an_agent_s_calls_wait_at_once_than_people_can_look_at() {
    let stage = Stage::start(PATIENT);
    let mut asked: Vec<_> =
        (0..20).map(|number| stage.send(&Call::of(&format!("R{number}")))).collect();
    stage.all_held(20);
    let refused = stage.call(&Call::of("R20"));
    assert!(text(&refused).contains("20 calls of this agent wait for people"), "{refused}");
    let first = stage.desk().holds(&HoldFilter::default()).pop().unwrap();
    stage.vote(first.hold.id, GRACE, Vote::Reject);
    asked.push(stage.send(&Call::of("R20")));
    stage.all_held(20);
}

#[test]
fn a_grant_for_calls_of_a_kind_lets_those_go_that_look_so_as_often_as_it_says() {
    let server = answering();
    let plan = Plan::new(&holding(ONE)).hold(HASTY).airline(&server);
    let stage = Stage::of(plan);
    stage.add(GRACE);
    let reason = |of: &str, reason: &str| Call {
        arguments: json!({"reason": reason, "reservation_id": of}),
        ..Call::of("")
    };
    stage.call(&reason("A", "illness"));
    let hold = stage.held().hold.id;
    let canonical = r#"{"reason":"illness","reservation_id":"A"}"#;
    let free = BTreeMap::from([("/reservation_id".to_owned(), approvals::grant::Rule::Any)]);
    let shape = Shape::of(canonical, &free).unwrap();
    let open = |email, budget| {
        let hour = later(3600);
        stage.open_grant((hold, email), (&shape, canonical), (budget, hour))
    };
    let owner = open("ada@example.com", 2).unwrap_err();
    assert!(owner.to_string().contains("the agent acts for ada@example.com"), "{owner}");
    let too_many = open(GRACE, 1_000_000).unwrap_err();
    let is_budget = |error: &approvals::CommandError| {
        matches!(error, approvals::CommandError::Grant(GrantRefusal::Budget { .. }))
    };
    assert!(is_budget(&too_many), "{too_many}");
    let grant = open(GRACE, 2).unwrap();
    stage.vote(hold, GRACE, Vote::Reject);

    let other = stage.call(&reason("B", "boredom"));
    assert!(other.to_string().contains("input_required"), "another shape: {other}");
    for reservation in ["B", "C"] {
        let made = stage.call(&reason(reservation, "illness"));
        assert_eq!(text(&made), "done", "{made}");
    }
    let third = stage.call(&reason("D", "illness"));
    assert!(third.to_string().contains("input_required"), "the budget is spent: {third}");
    assert_eq!(server.calls().len(), 2);
    let (records, _folder) = stage.end();
    records.assert_complete();
    let dispatched = records.dispatched();
    assert!(dispatched.values().all(|fact| fact.grant == Some(grant)), "{dispatched:?}");
    assert_eq!((dispatched.len(), records.count("call.held")), (2, 3));
}

#[test]
fn a_grant_for_calls_of_a_kind_ends_in_time_and_when_it_is_taken_back() {
    let server = answering();
    let plan = Plan::new(&holding(ONE)).hold(HASTY).airline(&server);
    let stage = Stage::of(plan);
    stage.add(GRACE);
    stage.call(&Call::of("A"));
    let hold = stage.held().hold.id;
    let canonical = r#"{"reservation_id":"A"}"#;
    let free = BTreeMap::from([("/reservation_id".to_owned(), approvals::grant::Rule::Any)]);
    let shape = Shape::of(canonical, &free).unwrap();
    let open = |until| stage.open_grant((hold, GRACE), (&shape, canonical), (10, until)).unwrap();
    let soon = later(2);
    open(soon);
    assert_eq!(text(&stage.call(&Call::of("B"))), "done");
    until("the end of the grant", || (soon <= clock::now()).then_some(()));
    let late = stage.call(&Call::of("C"));
    assert!(late.to_string().contains("input_required"), "its time is over: {late}");

    let grant = open(later(3600));
    assert_eq!(text(&stage.call(&Call::of("D"))), "done");
    let by = crate::voting::voter(GRACE);
    stage.wait(stage.desk().revoke_grant(grant, by, REASON.to_owned())).unwrap();
    let revoked = stage.call(&Call::of("E"));
    assert!(revoked.to_string().contains("input_required"), "it was taken back: {revoked}");
    assert_eq!(server.calls().len(), 2);
}

fn later(seconds: u64) -> Timestamp {
    Timestamp::from_micros(clock::now().micros() + seconds * 1_000_000)
}
