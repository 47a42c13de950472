//! Many at once: approvers who disagree, an agent that asks over and over, and ten thousand calls.

use std::collections::{BTreeMap, BTreeSet};

use approvals::{CommandError, HoldFilter, Refusal};
use events::{CallId, Event, Vote};
use serde_json::Value;
use tests::mcp;
use tests::patience::until;
use tests::records::Records;
use tests::wire::Connection;

use crate::call::{Call, is_error, text};
use crate::plan::{Plan, holding};
use crate::scripted::{answering, arguments_of};
use crate::stage::{PATIENT, Stage};
use crate::voting::{GRACE, pending};

const ONE: &str = "@approvers(\"1 of role:approver\")";

/// How often two people disagree.
const ROUNDS: usize = 200;

/// How many calls wait at once.
const CROWD: usize = 10_000;

/// For each hold how it ended, and its votes.
#[derive(Default)]
struct Course {
    ends: Vec<&'static str>,
    votes: usize,
}

fn courses(records: &Records) -> BTreeMap<CallId, Course> {
    let mut courses: BTreeMap<CallId, Course> = BTreeMap::new();
    for envelope in &records.events {
        let Some(call) = envelope.call else { continue };
        let course = courses.entry(call).or_default();
        match &envelope.event {
            Event::HoldVoted(_) => course.votes += 1,
            Event::HoldGranted(_) => course.ends.push("granted"),
            Event::HoldRefused(_) => course.ends.push("refused"),
            Event::HoldExpired(_) => course.ends.push("expired"),
            Event::HoldWithdrawn(_) => course.ends.push("withdrawn"),
            _ => {}
        }
    }
    courses
}

fn read(connection: &mut Connection) -> Value {
    mcp::message(&connection.answer().unwrap().body)
}

#[test]
fn of_two_people_who_disagree_at_once_one_decides_and_the_other_is_told_so() {
    let server = answering();
    let plan = Plan::new(&holding(ONE)).hold(PATIENT).asks(100_000, 100).airline(&server);
    let stage = Stage::of(plan);
    let mut allowed = 0;
    for round in 0..ROUNDS {
        let call = Call::of(&format!("R{round}"));
        let mut connection = stage.send(&call);
        let hold = stage.held().hold.id;
        let cast = std::thread::scope(|scope| {
            let yes = scope.spawn(|| stage.try_vote(hold, GRACE, Vote::Approve));
            let no = scope.spawn(|| stage.try_vote(hold, "ben@example.com", Vote::Reject));
            [yes.join().unwrap(), no.join().unwrap()]
        });
        let late = cast.iter().filter_map(|cast| cast.as_ref().err()).collect::<Vec<_>>();
        let decided = matches!(late[..], [CommandError::Refused(Refusal::Decided { .. })]);
        assert!(decided, "{round}: one was too late: {cast:?}");
        let answer = read(&mut connection);
        let is_allowed = cast[0].is_ok();
        assert_eq!(text(&answer) == "done", is_allowed, "{round}: {answer}");
        assert_eq!(is_error(&answer), !is_allowed, "{round}: {answer}");
        allowed += usize::from(is_allowed);
    }
    assert_eq!(server.calls().len(), allowed);
    let (records, _folder) = stage.end();
    records.assert_complete();
    let courses = courses(&records);
    assert!(courses.values().all(|it| it.ends.len() == 1 && it.votes == 1), "one end, one vote");
    assert_eq!((courses.len(), records.count("call.dispatched")), (ROUNDS, allowed));
    println!("{allowed} of {ROUNDS} were allowed");
}

#[test]
fn who_asks_for_the_same_over_twenty_connections_at_once_asks_people_once_and_is_served_once() {
    let server = answering();
    let stage = Stage::of(Plan::new(&holding(ONE)).hold(PATIENT).airline(&server));
    for round in 0..20 {
        let call = Call::of(&format!("R{round}"));
        let answers = std::thread::scope(|scope| {
            let asked: Vec<_> = (0..20).map(|_| scope.spawn(|| stage.call(&call))).collect();
            let hold = stage.held().hold.id;
            let desk = stage.desk();
            until("all of them wait", || (desk.hold(hold)?.waiting == 20).then_some(()));
            stage.vote(hold, GRACE, Vote::Approve);
            asked.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
        });
        let served = answers.iter().filter(|answer| text(answer) == "done").count();
        assert_eq!(served, 1, "{round}: {answers:?}");
        let told = answers.iter().filter(|it| text(it).starts_with("NOT EXECUTED HERE.")).count();
        assert_eq!(told, 19, "{round}: {answers:?}");
    }
    assert_eq!(server.calls().len(), 20);
    let (records, _folder) = stage.end();
    records.assert_complete();
    assert_eq!((records.count("call.held"), records.count("hold.granted")), (20, 20));
}

#[test]
fn of_ten_thousand_calls_that_wait_at_once_none_is_lost_and_none_is_made_twice() {
    let server = answering();
    let plan = Plan::new(&holding(ONE)).hold(PATIENT * 5).asks(100_000, CROWD).airline(&server);
    let stage = Stage::of(plan.limit("connections_max = 20000"));
    let call = |number: usize| Call::of(&format!("R{number}"));
    // A process has no descriptors for ten thousand connections to itself: half of the agents hang
    // up, and ask again later.
    let gone: Vec<Connection> = (0..CROWD / 2).map(|number| stage.send(&call(number))).collect();
    stage.all_held(CROWD / 2);
    drop(gone);
    let mut waiting: Vec<Connection> =
        (CROWD / 2..CROWD).map(|number| stage.send(&call(number))).collect();
    let holds = stage.all_held(CROWD);
    let desk = stage.desk();
    let nobody = |view: &approvals::HoldView| view.waiting == 0;
    until("half of the agents are gone", || {
        (desk.holds(&pending()).iter().filter(|view| nobody(view)).count() == CROWD / 2)
            .then_some(())
    });
    for (number, view) in holds.iter().enumerate() {
        let vote = if number % 2 == 0 { Vote::Approve } else { Vote::Reject };
        let cast = stage.wait(desk.vote(view.hold.id, crate::voting::ballot(view, GRACE, vote)));
        assert!(cast.unwrap().changed);
    }
    let mut answers: Vec<Value> = waiting.iter_mut().map(read).collect();
    drop(waiting);
    answers.extend((0..CROWD / 2).map(|number| stage.call(&call(number))));
    let done = answers.iter().filter(|answer| text(answer) == "done").count();
    let refused = answers.iter().filter(|it| text(it).contains("rejected this call")).count();
    assert_eq!((done, refused), (CROWD / 2, CROWD / 2));
    let served: BTreeSet<String> = arguments_of(&server).iter().map(Value::to_string).collect();
    assert_eq!((server.calls().len(), served.len()), (CROWD / 2, CROWD / 2), "each once");
    assert_eq!(desk.holds(&HoldFilter { pending: Some(true), ..HoldFilter::default() }).len(), 0);
    drop(desk);
    let (records, _folder) = stage.end();
    records.assert_complete();
    assert!(courses(&records).values().all(|it| it.ends.len() <= 1), "decided once");
    let ends = (records.count("hold.granted"), records.count("hold.refused"));
    assert_eq!((records.count("call.held"), ends), (CROWD, (CROWD / 2, CROWD / 2)));
    assert_eq!(records.count("call.dispatched"), CROWD / 2);
}
