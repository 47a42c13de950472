//! `countersign erase`, with a gateway that runs and without one.

use crate::disk::{found, stored};
use crate::stage::{Stage, check, erased, named, report, run};
use events::Event;
use std::collections::BTreeSet;
use std::fs;
use tests::records::Records;
use tests::wire::look;

#[test]
fn what_is_erased_under_a_running_gateway_is_nowhere_any_more_and_everything_else_stays() {
    let mut stage = Stage::start();
    stage.say("doomed", "a first secret");
    stage.say("doomed", "a second secret");
    stage.olga_says("other", "something else");
    let (doomed, other) = (stage.session("doomed"), stage.session("other"));
    let (gone, stays) = (stored(stage.data(), doomed), stored(stage.data(), other));
    assert!(gone.len() > 3 && stays.len() > 2);
    assert_eq!(found(stage.data(), &gone), gone.len());
    let known = stage.data().parent().unwrap().join("known");
    fs::write(&known, look(stage.gateway.people, "/tlog/0/proof/0").unwrap().body).unwrap();
    let proof = fs::read_to_string(&known).unwrap();
    fs::write(&known, proof.split_once("\n\n").unwrap().1).unwrap();
    let before = stage.gateway.records().events;

    let words = ["erase", "--session", &doomed.to_string(), "--basis", "she asked for it"];
    let ended = run(&words, &stage.there()).with(0);
    let count = gone.len();
    assert!(ended.out.starts_with(&format!("erased {count} payloads and keys of 1 sessions")));

    assert_eq!(found(stage.data(), &gone), 0, "it stands in a file");
    assert!(stored(stage.data(), doomed).is_empty(), "it can be read");
    assert_eq!(stored(stage.data(), other), stays);
    let records = stage.gateway.records();
    assert_eq!(records.events.get(..before.len()), Some(&*before), "an event was altered");
    for reference in named(&records, other) {
        assert!(!records.payload(Some(other), &reference).is_empty());
    }
    assert_asked(&records);
    let url = [stage.there()[0].clone(), stage.there()[1].clone()];
    let trace = run(&["trace", &doomed.to_string()], &url).with(0);
    assert!(trace.out.contains("erased"), "{}", trace.out);
    let known = known.to_str().unwrap();
    let verified = |stage: &Stage| {
        let data = stage.data().to_str().unwrap();
        let ended = run(&["verify", data, "--known", known, "--json"], &[]).with(0);
        let report = report(&ended);
        assert_eq!(check(&report, "known").0, "ok", "{report}");
        report
    };
    verified(&stage);
    stage.gateway.stop_and_check();
    let report = verified(&stage);
    assert_eq!(check(&report, "payloads"), ("ok", "2 as committed to, 4 erased, 0 discarded"));
    assert_eq!(check(&report, "erasures"), ("ok", "1 erasures, each asked for"));
    let tar = stage.data().parent().unwrap().join("all.tar");
    let tar = tar.to_str().unwrap();
    run(&["export", "--out", tar], &stage.here()).with(0);
    run(&["verify", tar], &[]).with(0);
}

/// One erasure, asked for right before it was done, as was said.
fn assert_asked(records: &Records) {
    let (mut asked, mut done) = (None, None);
    for envelope in &records.events {
        match &envelope.event {
            Event::EraseRequested(fact) => asked = Some((envelope.id, fact)),
            Event::PayloadErased(fact) => done = Some((envelope.cause, fact)),
            _ => {}
        }
    }
    let ((id, asked), (cause, done)) = (asked.unwrap(), done.unwrap());
    assert_eq!(cause, Some(id));
    assert_eq!(asked.sessions, done.sessions);
    assert_eq!(asked.basis, "she asked for it");
    assert_eq!(asked.criterion, format!("session {}", asked.sessions.first().unwrap()));
    assert!(asked.by.starts_with("operator ("), "{}", asked.by);
}

#[test]
fn a_stopped_gateway_s_payloads_are_erased_by_person_and_by_age() {
    let mut stage = Stage::start();
    for (session, text) in [("one", "a"), ("two", "b")] {
        stage.say(session, text);
    }
    stage.olga_says("three", "c");
    let sessions = ["one", "two", "three"].map(|name| stage.session(name));
    let words = ["erase", "--subject", "ada@example.com", "--basis", "article 17"];
    let held = run(&words, &stage.here()).with(74);
    assert!(held.err.contains("--url http://"), "{}", held.err);
    stage.gateway.stop_and_check();
    let gone = sessions.map(|session| stored(stage.data(), session));

    let preview = run(&words, &[&stage.here()[..], &["--dry-run".into()]].concat()).with(0);
    assert_eq!(preview.out, "would erase the payloads of 2 sessions\n");
    assert_eq!(stage.gateway.records().count("payload.erase_requested"), 0);
    run(&words, &stage.here()).with(0);
    let [one, two, three] = sessions;
    let of_person: Vec<_> = erased(&stage.gateway.records()).iter().map(|it| it.1).collect();
    assert_eq!(BTreeSet::from_iter(of_person), BTreeSet::from([one, two]));
    assert!(!stored(stage.data(), three).is_empty());

    let old = ["erase", "--older-than", "30d", "--basis", "no longer needed"];
    let ended = run(&old, &stage.here()).with(0);
    assert!(ended.out.starts_with("erased 0 payloads and keys of 0 sessions"), "{}", ended.out);
    let old = ["erase", "--older-than", "1ms", "--basis", "no longer needed"];
    run(&old, &stage.here()).with(0);
    for (session, gone) in sessions.iter().zip(&gone) {
        assert!(stored(stage.data(), *session).is_empty());
        assert_eq!(found(stage.data(), gone), 0, "{session} stands in a file");
    }
    stage.verify();
    stage.gateway = stage.gateway.again();
    stage.say("one", "again");
    stage.gateway.stop_and_check();
    let (_, payloads) = payloads(&stage);
    assert_eq!(payloads, "2 as committed to, 6 erased, 0 discarded");
}

fn payloads(stage: &Stage) -> (String, String) {
    let ended = run(&["verify", stage.data().to_str().unwrap(), "--json"], &[]).with(0);
    let report = report(&ended);
    let (result, detail) = check(&report, "payloads");
    (result.to_owned(), detail.to_owned())
}

#[test]
fn an_erasure_has_to_say_what_and_why() {
    let mut stage = Stage::start();
    stage.say("kept", "a");
    let session = stage.session("kept").to_string();
    let long = "x".repeat(5000);
    let wrong: [&[&str]; 7] = [
        &["erase", "--basis", "law"],
        &["erase", "--session", &session],
        &["erase", "--session", &session, "--basis", " "],
        &["erase", "--session", &session, "--basis", &long],
        &["erase", "--session", "somewhere", "--basis", "law"],
        &["erase", "--subject", "", "--basis", "law"],
        &["erase", "--older-than", "soon", "--basis", "law"],
    ];
    for words in wrong {
        let ended = run(words, &stage.there()).with(64);
        assert!(!ended.err.is_empty());
    }
    stage.gateway.stop_and_check();
    for words in wrong {
        run(words, &stage.here()).with(64);
    }
    let records = stage.gateway.records();
    assert_eq!(records.count("payload.erase_requested"), 0);
    let nowhere = ["--data".to_owned(), "/nonexistent".to_owned()];
    run(&["erase", "--session", &session, "--basis", "law"], &nowhere).with(74);
}
