//! A session that goes on while it is erased.

use crate::stage::{Stage, named, run};
use events::Event;
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::patience::until;
use tests::records::Records;

/// How often the session is erased.
const ERASURES: usize = 6;

/// How many talk in the session at once.
const TALKERS: usize = 3;

#[test]
fn a_session_goes_on_while_it_is_erased_and_what_it_says_later_is_kept() {
    let mut stage = Stage::start();
    stage.say("talk", "the first word");
    let session = stage.session("talk");
    let said = AtomicUsize::new(0);
    let over = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for talker in 0..TALKERS {
            let (stage, said, over) = (&stage, &said, &over);
            scope.spawn(move || {
                while over.load(Ordering::Acquire) == 0 {
                    let word = said.fetch_add(1, Ordering::AcqRel);
                    stage.say("talk", &format!("talker {talker} says word {word}"));
                }
                stage.say("talk", &format!("talker {talker} says the last word"));
            });
        }
        let id = session.to_string();
        for _ in 0..ERASURES {
            let before = said.load(Ordering::Acquire);
            until("more words", || (before + 4 < said.load(Ordering::Acquire)).then_some(()));
            run(&["erase", "--session", &id, "--basis", "law"], &stage.there()).with(0);
        }
        over.store(1, Ordering::Release);
    });
    let records = stage.gateway.stop_and_check();
    assert_eq!(records.count("payload.erased"), ERASURES);
    let last = records.events.iter().rposition(|it| matches!(it.event, Event::PayloadErased(_)));
    let (mut before, behind) = (records.events, last.unwrap());
    let behind = before.split_off(behind);
    let read = |events| {
        let mut records = Records::read(stage.data());
        records.events = events;
        records
    };
    let later = read(behind);
    let kept = named(&later, session);
    assert!(2 * TALKERS <= kept.len(), "{} payloads", kept.len());
    for reference in kept {
        assert!(!later.payload(Some(session), &reference).is_empty());
    }
    let earlier = read(before);
    assert!(earlier.payloads().is_err(), "what was erased can be read");
    stage.verify();
}
