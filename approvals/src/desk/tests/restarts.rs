//! Tests of desks that are made anew from what is on record.

use super::super::*;
use super::rig::{Hands, Rig};
use crate::hold::State;
use crate::kit::{call_id, held, rule};
use events::{CallDispatched, Vote};
use ledger::backend::file::{self, FileLog};
use ledger::backend::memory::MemoryStore;
use ledger::payload::Keys;
use ulid::Ulid;

/// Says that a call was made by a grant.
async fn dispatch(rig: &Rig, call: CallId, grant: EventId) {
    let held = held(rule(Vec::new()), 1);
    let fact = CallDispatched {
        arguments: None,
        conversation: None,
        dialect: held.dialect,
        grant: Some(grant),
        method: held.method,
        model: None,
        operation: held.operation,
        principal: held.principal,
        request: None,
        session: held.session,
        shadow: None,
        stream: false,
        target: held.target,
        tool_call: None,
        trace: None,
        upstream: held.upstream,
        verdict: held.verdict,
    };
    let id = EventId::new(Ulid::from(u128::from(rig.clock.number())));
    let (time, session) = (rig.clock.now(), Some(crate::kit::session_id(1)));
    let draft = Draft { id, time, session, cause: Some(grant), call: Some(call), fact };
    rig.ledger.record(draft).await.unwrap();
}

fn open(folder: &std::path::Path) -> FileLog {
    FileLog::open(folder, &file::Options::default()).unwrap().0
}

/// Ends a process and begins another one over the same files.
async fn restart(rig: Rig, folder: &std::path::Path, keys: &Keys) -> Rig {
    let Rig { store, ledger, desk, clock, task } = rig;
    drop((ledger, desk));
    task.join().await.unwrap();
    Rig::over(Box::new(open(folder)), Settings::default(), (store, clock, keys.clone()))
}

#[tokio::test]
async fn a_restart_loses_no_hold_no_vote_and_no_grant() {
    let folder = tempfile::tempdir().unwrap();
    let keys = Keys::random().unwrap();
    let hands = (MemoryStore::default(), Hands::new(), keys.clone());
    let rig = Rig::over(Box::new(open(folder.path())), Settings::default(), hands);
    let pending = rig.waits(1).await.id();
    let granted = rig.waits(2).await.id();
    let refused = rig.waits(3).await.id();
    let made = rig.waits(4).await.id();
    for id in [granted, made] {
        rig.approve("ada", id).await.unwrap();
    }
    rig.vote("ada", refused, Vote::Reject).await.unwrap();
    let Asked::Granted(claim) = rig.ask(4).await else { panic!("it is granted") };
    dispatch(&rig, made, claim.grant()).await;
    // The process dies before anybody is told.
    std::mem::forget(claim);
    rig.until(|rig| rig.count("hold.left") == 4).await;
    let rig = {
        let Rig { store, ledger, desk, clock, task } = rig;
        // The claim that was forgotten keeps the desk, and with it the ledger: it is closed as a
        // crash would.
        drop((ledger, desk, task));
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), copy.path());
        let log = Box::new(open(copy.path()));
        let rig = Rig::over(log, Settings::default(), (store, clock, keys.clone()));
        let word = |id| rig.desk.hold(id).unwrap().hold.state.word();
        assert_eq!(
            [pending, granted, refused, made].map(word),
            ["pending", "granted", "refused", "dispatched"]
        );
        assert!(matches!(rig.ask(4).await, Asked::Waits(waiting) if waiting.is_new()));
        assert!(matches!(rig.ask(3).await, Asked::Refused(_)));
        assert!(matches!(rig.ask(1).await, Asked::Waits(waiting) if waiting.id() == pending));
        let Asked::Granted(claim) = rig.ask(2).await else { panic!("it is granted") };
        assert_eq!(claim.call(), granted);
        drop(claim);
        let rig = restart(rig, copy.path(), &keys).await;
        assert_eq!(rig.desk.hold(granted).unwrap().hold.state.word(), "granted");
        rig
    };
    let (stop, stopping) = watch::channel(false);
    rig.clock.turn(10_000);
    let running = tokio::spawn(rig.desk.clone().run(stopping));
    rig.until(|rig| rig.desk.table().open_ids().is_empty()).await;
    stop.send(true).unwrap();
    running.await.unwrap();
    assert_eq!(rig.desk.hold(granted).unwrap().hold.state.word(), "expired");
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_desk_made_anew_is_the_one_that_lived_on_and_so_is_one_that_was_shown_all_twice() {
    let rig = Rig::new();
    rig.sign_in("ada").await;
    let first = rig.waits(1).await;
    let second = rig.waits(2).await;
    rig.desk.comment(first.id(), crate::kit::voter("bob", &[]), "hm".into()).await.unwrap();
    rig.approve("ada", first.id()).await.unwrap();
    let Asked::Granted(claim) = rig.ask(1).await else { panic!("it is granted") };
    let (call, grant) = (claim.call(), claim.grant());
    dispatch(&rig, call, grant).await;
    claim.spend();
    rig.vote("ada", second.id(), Vote::Reject).await.unwrap();
    rig.desk.revoke_agent("other".into(), "ops".into(), "odd".into()).await.unwrap();
    let anew = Desk::new(rig.ledger.clone(), rig.desk.0.clock.clone(), Settings::default());
    for _ in 0..2 {
        rig.show_all();
        rig.events().iter().for_each(|envelope| anew.apply(envelope));
        let holds = |desk: &Desk| {
            let views = desk.holds(&HoldFilter::default()).into_iter();
            views.map(|view| view.hold).collect::<Vec<_>>()
        };
        assert_eq!(holds(&anew), holds(&rig.desk));
        assert_eq!(anew.roster(), rig.desk.roster());
        assert_eq!(anew.grants(), rig.desk.grants());
        assert!(rig.desk.table().own.is_empty(), "all of its own was shown");
    }
}

#[tokio::test]
async fn a_decision_that_a_crash_broke_off_is_completed_at_the_start() {
    let rig = Rig::new();
    let waiting = rig.waits(1).await;
    rig.approve("ada", waiting.id()).await.unwrap();
    let anew = Desk::new(rig.ledger.clone(), rig.desk.0.clock.clone(), Settings::default());
    let events = rig.events();
    let torn = events.iter().filter(|it| it.event.kind() != "hold.granted");
    torn.for_each(|envelope| anew.apply(envelope));
    assert_eq!(anew.hold(waiting.id()).unwrap().hold.state, State::Pending);
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(anew.clone().run(stopping));
    rig.until(|_| !anew.hold(waiting.id()).unwrap().hold.state.is_pending()).await;
    assert_eq!(anew.hold(waiting.id()).unwrap().hold.state.word(), "granted");
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn an_event_that_is_shown_before_the_desk_knows_it_is_recorded_counts_once() {
    let limits = Limits { asks_per_hour: 100, ..Limits::default() };
    let rig = Rig::with(Settings { limits, ..Settings::default() });
    let (desk, ledger) = (rig.desk.clone(), rig.ledger.clone());
    // Shows what is recorded the moment it is, as another task would.
    let follower = tokio::spawn(async move {
        let mut committed = ledger.committed();
        let mut next = 0;
        while next < 400 {
            committed.changed().await.unwrap();
            let from = Sequence::new(next);
            for record in ledger.reader().read(from, 1 << 20).unwrap() {
                desk.apply(&Envelope::parse(&record).unwrap());
                next += 1;
            }
        }
    });
    for identity in 0..100 {
        let waiting = rig.waits(identity).await;
        rig.desk.comment(waiting.id(), crate::kit::voter("bob", &[]), "hm".into()).await.unwrap();
        rig.approve("ada", waiting.id()).await.unwrap();
        let view = rig.desk.hold(waiting.id()).unwrap();
        assert_eq!((view.hold.votes.len(), view.hold.comments.len()), (1, 1));
        drop(waiting);
        let Asked::Granted(claim) = rig.ask(identity).await else { panic!("it is granted") };
        claim.spend();
    }
    follower.abort();
    assert!(rig.desk.hold(call_id(u64::MAX)).is_none());
}

#[tokio::test]
async fn what_others_record_is_taken_notice_of_while_a_desk_runs() {
    let rig = Rig::new();
    let waiting = rig.waits(1).await;
    rig.approve("ada", waiting.id()).await.unwrap();
    let State::Granted { grant, .. } = rig.desk.hold(waiting.id()).unwrap().hold.state else {
        panic!("it is granted")
    };
    let (stop, stopping) = watch::channel(false);
    let running = tokio::spawn(rig.desk.clone().run(stopping));
    dispatch(&rig, waiting.id(), grant).await;
    let mut changes = rig.desk.changes();
    while rig.desk.hold(waiting.id()).unwrap().hold.state.word() != "dispatched" {
        changes.changed().await.unwrap();
    }
    assert!(rig.desk.table().own.is_empty(), "all of its own was shown");
    stop.send(true).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn of_all_records_those_of_holds_people_and_grants_are_read() {
    let rig = Rig::new();
    rig.sign_in("ada").await;
    let waiting = rig.waits(1).await;
    dispatch(&rig, waiting.id(), EventId::new(Ulid::from(7))).await;
    let records = rig.ledger.reader().read(Sequence::FIRST, 1 << 20).unwrap();
    assert!(records.len() == 3 && records.iter().all(|record| concerns(record)));
    let other = br#"{"data":{},"time":"2026-11-21T08:00:00.000000Z","type":"call.completed"}"#;
    assert!(!concerns(other));
    let plain = br#"{"data":{},"time":"2026-11-21T08:00:00.000000Z","type":"call.dispatched"}"#;
    assert!(!concerns(plain));
}
