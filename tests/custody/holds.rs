//! Legal holds: what they keep, from whom, and until when.

use crate::stage::{Ended, Stage, erased, run};
use events::{Event, EventId, SessionId};
use std::sync::atomic::{AtomicBool, Ordering};

fn place(what: &[&str], more: &[String]) -> String {
    let words = [&["legal-hold", "place", "--reason", "matter 17"][..], what].concat();
    let ended = run(&words, more).with(0);
    ended.out.trim().strip_prefix("placed legal hold ").unwrap().to_owned()
}

fn erase(what: &[&str], more: &[String]) -> Ended {
    run(&[&["erase", "--basis", "law"][..], what].concat(), more).with(0)
}

fn gone(stage: &Stage) -> Vec<SessionId> {
    erased(&stage.gateway.records()).into_iter().map(|(_, session)| session).collect()
}

#[test]
fn a_hold_on_a_session_or_a_person_keeps_what_there_is_and_what_comes_until_it_is_lifted() {
    let mut stage = Stage::start();
    stage.say("one", "a");
    stage.say("two", "b");
    stage.olga_says("three", "c");
    let one = stage.session("one").to_string();
    let there = stage.there();
    let of_one = place(&["--session", &one], &there);
    let of_olga = place(&["--subject", "olga@example.com"], &there);
    stage.olga_says("four", "of a session that began later");
    let shown = run(&["legal-hold", "list"], &there).with(0).out;
    assert!(shown.contains(&of_one) && shown.contains(&one), "{shown}");
    assert!(shown.contains("matter 17") && shown.contains("olga@example.com"), "{shown}");

    let ended = erase(&["--older-than", "1ms"], &there);
    assert!(ended.out.contains("of 1 sessions"), "{}", ended.out);
    for (session, hold) in [("one", &of_one), ("three", &of_olga), ("four", &of_olga)] {
        let line = format!("kept {}: legal hold {hold}", stage.session(session));
        assert!(ended.out.contains(&line), "{}", ended.out);
    }
    assert_eq!(gone(&stage), [stage.session("two")]);
    assert!(erase(&["--session", &one], &there).out.contains("of 0 sessions"));
    assert!(erase(&["--subject", "olga@example.com"], &there).out.contains("of 0 sessions"));

    run(&["legal-hold", "lift", &of_one, "--reason", "settled"], &there).with(0);
    assert!(erase(&["--session", &one], &there).out.contains("of 1 sessions"));
    stage.gateway.stop_and_check();
    let here = stage.here();
    assert!(erase(&["--subject", "olga@example.com"], &here).out.contains("of 0 sessions"));
    run(&["legal-hold", "lift", &of_olga, "--reason", "settled"], &here).with(0);
    assert_eq!(run(&["legal-hold", "list"], &here).with(0).out, "");
    assert!(erase(&["--subject", "olga@example.com"], &here).out.contains("of 2 sessions"));
    assert_eq!(gone(&stage).len(), 4);
    stage.verify();
}

#[test]
fn a_hold_that_does_not_exist_and_a_session_that_never_was_are_told_as_mistakes() {
    let mut stage = Stage::start();
    stage.say("one", "a");
    let one = stage.session("one").to_string();
    let (hold, nowhere) = ("01M7YKX2MN0000000000000001", "ses_01M7YKX2MN0000000000000001");
    let check = |more: &[String]| {
        let ended = run(&["legal-hold", "lift", hold, "--reason", "settled"], more).with(64);
        assert!(ended.err.contains(hold) && ended.err.contains("legal-hold list"), "{ended:?}");
        let words = ["legal-hold", "place", "--session", nowhere, "--reason", "matter"];
        let ended = run(&words, more).with(64);
        assert!(ended.err.contains(nowhere), "{ended:?}");
        for wrong in [
            &["legal-hold", "place", "--session", &one][..],
            &["legal-hold", "place", "--reason", "matter"],
            &["legal-hold", "place", "--session", &one, "--reason", ""],
            &["legal-hold", "place", "--session", &one, "--subject", "a", "--reason", "matter"],
            &["legal-hold", "lift", hold],
            &["legal-hold", "lift", "that one", "--reason", "settled"],
        ] {
            run(wrong, more).with(64);
        }
    };
    check(&stage.there());
    stage.gateway.stop_and_check();
    check(&stage.here());
    let records = stage.gateway.records();
    assert_eq!(records.count("legal_hold.placed") + records.count("legal_hold.lifted"), 0);
}

#[test]
fn nothing_is_erased_behind_a_hold_that_was_placed_while_an_erasure_ran() {
    let mut stage = Stage::start();
    let names: Vec<String> = (0..6).map(|number| format!("session-{number}")).collect();
    for name in &names {
        stage.say(name, "before");
    }
    let there = stage.there();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                erase(&["--older-than", "1ms"], &there);
            }
        });
        for name in &names {
            stage.say(name, "while it runs");
            place(&["--session", &stage.session(name).to_string()], &there);
            stage.say(name, "under the hold");
        }
        over.store(true, Ordering::Release);
    });
    let records = stage.gateway.stop_and_check();
    let mut held: Vec<(EventId, SessionId)> = Vec::new();
    for envelope in &records.events {
        match &envelope.event {
            Event::LegalHoldPlaced(fact) => held.push((envelope.id, fact.session.unwrap())),
            Event::PayloadErased(fact) => {
                let broken = held.iter().find(|(_, session)| fact.sessions.contains(session));
                assert_eq!(broken, None, "erased under a hold");
            }
            _ => {}
        }
    }
    assert_eq!(held.len(), names.len());
    stage.verify();
}
