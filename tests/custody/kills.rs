//! `kill -9` in the middle of erasures.

use crate::stage::{Stage, say, session};
use events::{Event, EventId, SessionId};
use rustix::process::Signal;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;
use tests::disk::noise;
use tests::gateway::Gateway;
use tests::patience::{PATIENCE, until};
use tests::records::Records;
use tests::wire::{AGENT_KEY, Connection};

/// When the gateway is killed, counted from the moment at which an erasure is asked for.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// At once.
    Asked,
    /// When the request is on record.
    Requested,
    /// When the first payloads are about to be overwritten.
    Begun,
    /// When so many more files were looked at.
    Later(usize),
}

const MOMENTS: [Moment; 9] = [
    Moment::Asked,
    Moment::Requested,
    Moment::Begun,
    Moment::Later(1),
    Moment::Begun,
    Moment::Later(20),
    Moment::Requested,
    Moment::Later(100),
    Moment::Later(400),
];

const SESSIONS: [&str; 4] = ["one", "two", "three", "four"];

/// Looks again and again without a rest, because what is looked for is soon over; goes on when it
/// was missed.
fn spin(mut look: impl FnMut() -> bool, missed: &AtomicBool) {
    let deadline = Instant::now() + PATIENCE;
    while !look() && !missed.load(Ordering::Acquire) {
        assert!(Instant::now() < deadline, "nothing happens");
        std::thread::yield_now();
    }
}

fn wait(moment: Moment, (data, requests): (&Path, usize), over: &AtomicBool) {
    let erasing = data.join("ledger/erasing");
    match moment {
        Moment::Asked => {}
        Moment::Requested => spin(|| requests < asked(data), over),
        Moment::Begun => spin(|| erasing.exists(), over),
        Moment::Later(looks) => {
            spin(|| erasing.exists(), over);
            // Not a time but some work, so that moments differ on machines of every speed.
            for _ in 0..looks {
                drop(fs::metadata(&erasing));
            }
        }
    }
}

fn asked(data: &Path) -> usize {
    Records::try_read(data).map_or(0, |records| records.count("payload.erase_requested"))
}

fn erase(people: SocketAddr, key: &str, sessions: &BTreeSet<SessionId>) {
    let body = json!({"sessions": sessions, "basis": "law", "by": "me"}).to_string();
    let length = body.len();
    let request = format!(
        "POST /api/v1/erasures HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    // The gateway may be gone before it answers.
    drop(Connection::open(people).and_then(|mut connection| connection.ask(request)));
}

/// Erases under load, and kills the gateway at this moment.
fn kill(gateway: &mut Gateway, moment: Moment, sessions: &BTreeSet<SessionId>) {
    let key = fs::read_to_string(gateway.data.join("keys/operator.key")).unwrap();
    let (agents, people, data) = (gateway.agents, gateway.people, gateway.data.clone());
    let before = asked(&data);
    let (over, gone) = (AtomicBool::new(false), AtomicBool::new(false));
    let answers = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| talk(agents, &gone, &answers));
        until("calls", || (0 < answers.load(Ordering::Acquire)).then_some(()));
        scope.spawn(|| {
            erase(people, key.trim(), sessions);
            over.store(true, Ordering::Release);
        });
        wait(moment, (&data, before), &over);
        gateway.signal(Signal::KILL);
        gateway.ended();
        gone.store(true, Ordering::Release);
    });
}

fn talk(agents: SocketAddr, gone: &AtomicBool, answers: &AtomicUsize) {
    while !gone.load(Ordering::Acquire) {
        let body = json!({"model": "one", "messages": [{"role": "user", "content": "more"}]});
        let headers = [("session-id", "one")];
        let request = tests::wire::post("/v1/chat/completions", &headers, body.to_string());
        if Connection::open(agents).and_then(|mut connection| connection.ask(request)).is_ok() {
            answers.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// Every erasure that was asked for, with what was erased because of it.
fn erasures(records: &Records) -> BTreeMap<EventId, (Vec<SessionId>, usize)> {
    let mut found = BTreeMap::new();
    for envelope in &records.events {
        match &envelope.event {
            Event::EraseRequested(fact) => {
                found.insert(envelope.id, (fact.sessions.clone(), 0));
            }
            Event::PayloadErased(fact) => {
                let (sessions, done) = found.get_mut(&envelope.cause.unwrap()).unwrap();
                assert_eq!(*sessions, fact.sessions);
                *done += 1;
            }
            _ => {}
        }
    }
    found
}

#[test]
fn an_erasure_that_a_kill_broke_off_is_complete_and_on_record_after_the_next_start() {
    let mut stage = Stage::start();
    let mut broken_off = 0;
    for moment in MOMENTS {
        let agents = stage.gateway.agents;
        for (name, size) in SESSIONS.iter().zip([10, 300_000, 10, 700_000]) {
            let text = noise(size);
            assert_eq!(say(agents, AGENT_KEY, name, &text).status(), 200);
        }
        let records = stage.gateway.records();
        let sessions = SESSIONS.iter().map(|name| session(&records, name)).collect();
        kill(&mut stage.gateway, moment, &sessions);
        let open = |records: &Records| erasures(records).values().any(|(_, done)| *done == 0);
        broken_off += usize::from(open(&stage.gateway.records()));
        // In between, what is asked for accounts for what is gone.
        stage.gateway = stage.gateway.again();
        let records = stage.gateway.recorded("the end of every erasure", |it| !open(it));
        assert!(erasures(&records).values().all(|(_, done)| *done == 1), "{moment:?}");
        assert!(!stage.data().join("ledger/erasing").exists());
        stage.verify();
    }
    assert!(0 < broken_off, "no kill ever hit an erasure");
    println!("{broken_off} of {} erasures were broken off", MOMENTS.len());
    stage.gateway.stop_and_check();
    stage.verify();
}
