//! Many at once: approvers who disagree, an agent that asks over and over, and ten thousand calls.

use std::collections::{BTreeMap, BTreeSet};

use approvals::{Ballot, CommandError, Desk, HoldView, Refusal};
use events::{CallId, Event, Vote};
use ledger::RecordError;
use serde_json::Value;
use tests::mcp;
use tests::patience::until;
use tests::records::Records;
use tests::tools::required;
use tests::wire::Connection;
use tokio::task::JoinSet;

use crate::call::{Call, is_error, text};
use crate::plan::{Plan, holding};
use crate::scripted::{answering, arguments_of};
use crate::stage::{PATIENT, Stage};
use crate::voting::{GRACE, ballot, pending};

const ONE: &str = "@approvers(\"1 of role:approver\")";

/// How often two people disagree.
const ROUNDS: usize = 200;

/// How many calls wait at once, where everything must be tested.
const CROWD: usize = 10_000;

/// How many wait otherwise.
const SMALL_CROWD: usize = 1000;

/// How many come before it is looked whether they wait, and are decided at once.
const PART: usize = 500;

/// How many ask again at once.
const ASKERS: usize = 20;

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

/// Every other call is allowed, many at once.
async fn decide_all(desk: &Desk, holds: &[HoldView]) {
    let numbered: Vec<_> = holds.iter().enumerate().collect();
    for part in numbered.chunks(PART) {
        let mut casting = JoinSet::new();
        for (number, view) in part {
            let vote = if number % 2 == 0 { Vote::Approve } else { Vote::Reject };
            casting.spawn(cast(desk.clone(), view.hold.id, ballot(view, GRACE, vote)));
        }
        casting.join_all().await;
    }
}

/// Votes until that is on record: said again, a vote that took too long changes nothing.
async fn cast(desk: Desk, hold: CallId, ballot: Ballot) {
    while let Err(error) = desk.vote(hold, ballot.clone()).await {
        let is_late = matches!(error, CommandError::Record(RecordError::TimedOut(_)));
        assert!(is_late, "{error}");
    }
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
        let made = answers.iter().filter(|answer| text(answer) == "done").count();
        assert_eq!(made, 1, "{round}: {answers:?}");
        let told = answers.iter().filter(|it| text(it).starts_with("NOT EXECUTED HERE.")).count();
        assert_eq!(told, 19, "{round}: {answers:?}");
    }
    assert_eq!(server.calls().len(), 20);
    let (records, _folder) = stage.end();
    records.assert_complete();
    assert_eq!((records.count("call.held"), records.count("hold.granted")), (20, 20));
}

#[test]
fn the_same_call_of_two_conversations_at_once_is_made_for_one_and_the_other_may_ask_for_another() {
    let server = answering();
    let stage = Stage::of(Plan::new(&holding(ONE)).hold(PATIENT).airline(&server));
    let conversation = || {
        let session = mcp::session(stage.agents(), "/mcp/airline", &[]);
        Call { modern: false, session: Some(session), ..Call::of("4WQ150") }
    };
    let (first, second) = (conversation(), conversation());
    let answers = std::thread::scope(|scope| {
        let asked = [&first, &second].map(|call| scope.spawn(|| stage.call(call)));
        let hold = stage.held().hold.id;
        let desk = stage.desk();
        until("both wait", || (desk.hold(hold)?.waiting == 2).then_some(()));
        stage.vote(hold, GRACE, Vote::Approve);
        asked.map(|asked| asked.join().unwrap())
    });
    let (made, other) = if is_error(&answers[0]) { (1, &first) } else { (0, &second) };
    assert_eq!(text(&answers[made]), "done", "{answers:?}");
    let told = text(&answers[1 - made]);
    assert!(told.contains("another of these requests makes it"), "{told}");
    let again = std::thread::scope(|scope| {
        let asked = scope.spawn(|| stage.call(other));
        stage.vote(stage.held().hold.id, GRACE, Vote::Approve);
        asked.join().unwrap()
    });
    assert_eq!(text(&again), "done", "a second one is a decision of its own: {again}");
    assert_eq!((server.calls().len(), stage.made()), (2, 2));
}

#[test]
fn of_ten_thousand_calls_that_wait_at_once_none_is_lost_and_none_is_made_twice() {
    let crowd = if required() { CROWD } else { SMALL_CROWD };
    let server = answering();
    let plan = Plan::new(&holding(ONE)).hold(PATIENT * 5).asks(100_000, crowd).airline(&server);
    let stage = Stage::of(plan.limit("connections_max = 20000"));
    let call = |number: usize| Call::of(&format!("R{number}"));
    // A process has no descriptors for ten thousand connections to itself: half of the agents hang
    // up, and ask again later.
    let come = |from: usize, to: usize| {
        let part = |first: usize| {
            let sent: Vec<_> = (first..first + PART).map(|it| stage.send(&call(it))).collect();
            stage.all_held(first + PART);
            sent
        };
        (from..to).step_by(PART).flat_map(part).collect::<Vec<Connection>>()
    };
    drop(come(0, crowd / 2));
    let mut waiting = come(crowd / 2, crowd);
    let holds = stage.all_held(crowd);
    let desk = stage.desk();
    let nobody = |view: &&HoldView| view.waiting == 0;
    stage.held_so("half of the agents are gone", |held| {
        held.iter().filter(nobody).count() == crowd / 2
    });
    stage.wait(decide_all(&desk, &holds));
    let mut answers: Vec<Value> = waiting.iter_mut().map(read).collect();
    drop(waiting);
    let share = crowd / 2 / ASKERS;
    let ask = |from: usize| (from..from + share).map(|number| stage.call(&call(number)));
    let again = std::thread::scope(|scope| {
        let ask = &ask;
        let askers = (0..ASKERS).map(|it| scope.spawn(move || ask(it * share).collect::<Vec<_>>()));
        let askers: Vec<_> = askers.collect();
        askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect::<Vec<_>>()
    });
    answers.extend(again);
    let done = answers.iter().filter(|answer| text(answer) == "done").count();
    let refused = answers.iter().filter(|it| text(it).contains("rejected this call")).count();
    assert_eq!((done, refused), (crowd / 2, crowd / 2));
    let different: BTreeSet<String> = arguments_of(&server).iter().map(Value::to_string).collect();
    assert_eq!((server.calls().len(), different.len()), (crowd / 2, crowd / 2), "each once");
    assert_eq!(desk.holds(&pending()).len(), 0);
    drop(desk);
    let (records, _folder) = stage.end();
    records.assert_complete();
    assert!(courses(&records).values().all(|it| it.ends.len() <= 1), "decided once");
    let ends = (records.count("hold.granted"), records.count("hold.refused"));
    assert_eq!((records.count("call.held"), ends), (crowd, (crowd / 2, crowd / 2)));
    assert_eq!(records.count("call.dispatched"), crowd / 2);
}
