//! The real program is killed at every turn of a call that waits, and its disk is full: no decision
//! is lost, and no call is made twice or without one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use events::{Event, EventId};
use serde_json::Value;
use tests::disk::{SmallDisk, noise};
use tests::patience::until;
use tests::records::Records;
use tests::tool_server::{ToolCall, ToolServer};
use tests::wire::{Connection, ask};

use crate::call::{Call, text};
use crate::office::Office;
use crate::scripted::{answering, arguments_of, said};

const ONE: (&str, &str) = ("@approvers(\"1 of role:approver\")", "1m");

const TWO: (&str, &str) = ("@approvers(\"2 of role:approver\")", "1m");

/// Agents are sent back at once.
const HASTY: (&str, &str) = ("@approvers(\"1 of role:approver\")", "1s");

/// Agents wait for as long as it takes.
const LONG: (&str, &str) = ("@approvers(\"1 of role:approver\")", "5m");

/// How often a vote and a kill race.
const RACES: usize = 12;

/// Each grant led to one dispatch at most, every held call that was made names one, and the server
/// saw no call more often than it was let go.
fn assert_made_once(records: &Records, server: &ToolServer) {
    records.assert_complete();
    let mut used: BTreeSet<EventId> = BTreeSet::new();
    for (call, fact) in records.dispatched() {
        let grant = fact.grant.unwrap_or_else(|| panic!("{call} was made without a grant"));
        assert!(used.insert(grant), "{call}: its grant was used before");
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for arguments in arguments_of(server) {
        *seen.entry(arguments.to_string()).or_default() += 1;
    }
    let mut let_go: BTreeMap<String, usize> = BTreeMap::new();
    for envelope in &records.events {
        let Event::CallDispatched(fact) = &envelope.event else { continue };
        let request = records.payload(envelope.session, &fact.request.unwrap());
        let request: Value = serde_json::from_slice(&request).unwrap();
        let arguments = request.pointer("/params/arguments").unwrap().to_string();
        *let_go.entry(arguments).or_default() += 1;
    }
    for (arguments, times) in seen {
        assert!(times <= let_go.get(&arguments).copied().unwrap_or(0), "{arguments}: {times}");
    }
}

fn answer(mut connection: Connection) -> Value {
    tests::mcp::message(&connection.answer().unwrap().body)
}

#[test]
fn a_gateway_that_is_killed_while_a_call_waits_and_between_two_votes_makes_it_once() {
    let server = answering();
    let office = Office::open(TWO, 2, &server, None);
    let call = Call::of("4WQ150");
    let asked = office.send(&call);
    let hold = office.held(1);
    let office = office.kill();
    drop(asked);
    assert_eq!(office.state(hold), "pending", "it still waits");
    assert_eq!(office.approve(hold, 0).status(), 200);
    let office = office.kill();
    assert_eq!(office.state(hold), "pending", "the first vote is not enough");
    let asked = office.send(&call);
    office.gateway.recorded("asked again", |it| it.count("hold.rejoined") == 1);
    assert_eq!(server.calls().len(), 0);
    assert_eq!(office.approve(hold, 1).status(), 200);
    assert_eq!(text(&answer(asked)), "done");
    let records = office.close();
    assert_eq!((records.count("hold.voted"), records.count("call.held")), (2, 1));
    assert_eq!(server.calls().len(), 1);
    assert_made_once(&records, &server);
}

#[test]
fn a_gateway_that_is_killed_between_a_grant_and_its_call_makes_it_when_it_is_asked_for_again() {
    let server = answering();
    let office = Office::open(HASTY, 1, &server, None);
    let call = Call::of("4WQ150");
    office.call(&call);
    let hold = office.held(1);
    assert_eq!(office.approve(hold, 0).status(), 200);
    let office = office.kill();
    assert_eq!(office.state(hold), "granted");
    assert_eq!(server.calls().len(), 0, "nobody asked again yet");
    assert_eq!(text(&office.call(&call)), "done");
    let office = office.kill();
    let again = office.call(&call);
    assert!(again.to_string().contains("input_required"), "a grant is good for one: {again}");
    let records = office.close();
    assert_eq!(server.calls().len(), 1);
    assert_made_once(&records, &server);
}

/// A server that says when a call has come, and answers when it is told to.
fn slow() -> (ToolServer, Receiver<()>, Sender<()>) {
    let (came, coming) = channel();
    let (go, going) = channel();
    let (came, going) = (Mutex::new(came), Mutex::new(going));
    let tool = [crate::call::HELD_TOOL];
    let server = ToolServer::start(&tool, move |call: &ToolCall, connection| {
        came.lock().unwrap().send(()).unwrap();
        // An error is the end of the test, which lets it go as well.
        let _ = going.lock().unwrap().recv();
        connection.reply(200, &said(call, "done"))
    });
    (server, coming, go)
}

#[test]
fn a_call_that_was_under_way_when_the_gateway_was_killed_is_in_doubt_and_not_made_again() {
    let (server, coming, go) = slow();
    let office = Office::open(ONE, 1, &server, None);
    let call = Call::of("4WQ150");
    let asked = office.send(&call);
    let hold = office.held(1);
    assert_eq!(office.approve(hold, 0).status(), 200);
    coming.recv().unwrap();
    let office = office.kill();
    drop((asked, go));
    assert_eq!(office.state(hold), "dispatched");
    let again = office.approve(hold, 0).json();
    assert_eq!(again.get("changed"), Some(&Value::from(false)), "it cannot be let go again");
    let again = office.send(&call);
    let second = office.held(2);
    assert_ne!(second, hold, "to repeat what may have happened is another decision");
    drop(again);
    let records = office.close();
    assert_eq!((records.count("call.in_doubt"), server.calls().len()), (1, 1));
    assert_made_once(&records, &server);
}

#[test]
fn whenever_a_gateway_is_killed_a_vote_that_was_taken_counts_and_a_call_is_made_once() {
    let server = answering();
    let mut office = Office::open(ONE, 1, &server, None);
    for round in 0..RACES {
        let call = Call::of(&format!("R{round}"));
        let asked = office.send(&call);
        let hold = office.held(round + 1);
        let (yes, people) = (office.yes(hold, 0), office.gateway.people);
        let voted = std::thread::spawn(move || ask(people, yes).is_ok_and(|it| it.status() == 200));
        // Each round lets it come a bit further.
        let far = |records: &Records| match round % 4 {
            0 => true,
            1 => records.count("hold.voted") > round,
            2 => records.count("call.dispatched") > round,
            _ => records.count("call.completed") + records.count("call.in_doubt") > round,
        };
        office.gateway.recorded("how far it should come", far);
        office = office.kill();
        drop(asked);
        let is_taken = voted.join().unwrap();
        let state = office.state(hold);
        assert!(!is_taken || state != "pending", "{round}: a vote was lost, it is {state}");
        if state == "pending" {
            assert_eq!(office.approve(hold, 0).status(), 200);
        }
        if office.state(hold) == "granted" {
            assert_eq!(text(&office.call(&call)), "done", "{round}");
        }
        until("it is made", || (office.state(hold) == "dispatched").then_some(()));
    }
    let records = office.close();
    assert_eq!((records.count("call.held"), records.count("hold.granted")), (RACES, RACES));
    assert_eq!(records.count("call.dispatched"), RACES);
    assert!(server.calls().len() <= RACES);
    println!("{} of {RACES} are in doubt", records.count("call.in_doubt"));
    assert_made_once(&records, &server);
}

#[test]
fn on_a_full_disk_a_call_that_waits_goes_on_to_wait_and_no_vote_is_taken_until_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let server = answering();
    let office = Office::open(LONG, 1, &server, Some(disk.data()));
    let call = Call::of("4WQ150");
    let asked = office.send(&call);
    let hold = office.held(1);
    disk.fill();
    // What is there of the ledger's own files takes some more.
    for length in [2000, 8] {
        let more = noise(length);
        let has_none = (0..10_000).any(|_| office.comment(hold, &more).status() != 200);
        assert!(has_none, "ten thousand comments found room on a full disk");
    }
    let refused = office.approve(hold, 0);
    assert_eq!(refused.status(), 503, "{refused:?}");
    assert_eq!(office.state(hold), "pending");
    let other = office.send(&Call::of("OTHER"));
    let other = answer(other);
    assert!(other.to_string().contains("ledger"), "a further call is refused: {other}");
    assert_eq!(server.calls().len(), 0);
    disk.free();
    until("room", || (office.approve(hold, 0).status() == 200).then_some(()));
    assert_eq!(text(&answer(asked)), "done");
    let records = office.close();
    assert_eq!(server.calls().len(), 1);
    assert_made_once(&records, &server);
}
