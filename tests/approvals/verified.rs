//! What an auditor makes of calls that waited for people: all of it is in order, and a decision
//! that was altered is found, whoever altered it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use approvals::Shape;
use approvals::grant::Rule;
use events::{Decision, Digest, Event, Timestamp, Vote};
use proxy::clock;
use tests::gateway::{program, verifier};
use tests::records::Records;

use crate::call::{Call, text};
use crate::forged::Forged;
use crate::plan::{Plan, holding};
use crate::scripted::answering;
use crate::stage::{HASTY, Stage};
use crate::voting::GRACE;

const TWO: &str = "@approvers(\"2 of role:approver or 1 of person:dora@example.com\")";

const BEN: &str = "ben@example.com";

/// One call that two people allowed, one that was changed before, one that was rejected, one that
/// nobody decided, and one under a grant for calls of its kind.
fn decided() -> (Stage, usize) {
    let server = answering();
    let stage = Stage::of(Plan::new(&holding(TWO)).hold(HASTY).airline(&server));
    let dora = "dora@example.com";
    stage.add(dora);
    let wait = |of: &str| {
        stage.call(&Call::of(of));
        stage.held().hold.id
    };
    let hold = wait("ALLOWED");
    stage.vote(hold, GRACE, Vote::Approve);
    stage.vote(hold, BEN, Vote::Approve);
    assert_eq!(text(&stage.call(&Call::of("ALLOWED"))), "done");
    let hold = wait("CHANGED");
    stage.vote(hold, GRACE, Vote::Approve);
    stage.edit(hold, "cleo@example.com", r#"{"reservation_id":"OTHER"}"#).unwrap();
    stage.vote(hold, GRACE, Vote::Approve);
    stage.vote(hold, BEN, Vote::Approve);
    assert!(text(&stage.call(&Call::of("CHANGED"))).contains("A person changed"));
    let hold = wait("REJECTED");
    stage.vote(hold, BEN, Vote::Reject);
    stage.call(&Call::of("REJECTED"));
    let hold = wait("KIND");
    let canonical = r#"{"reservation_id":"KIND"}"#;
    let free = BTreeMap::from([("/reservation_id".to_owned(), Rule::Any)]);
    let shape = Shape::of(canonical, &free).unwrap();
    let hour = Timestamp::from_micros(clock::now().micros() + 3_600_000_000);
    stage.open_grant((hold, dora), (&shape, canonical), (3, hour)).unwrap();
    assert_eq!(text(&stage.call(&Call::of("COVERED"))), "done");
    (stage, server.calls().len())
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Runs a program to its end; it must end with this code.
fn run(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {}", said(&output));
    said(&output)
}

fn log_key(records: &Records) -> String {
    let key = records.events.iter().find_map(|envelope| match &envelope.event {
        Event::GatewayStarted(fact) => fact.checkpoint_key.clone(),
        _ => None,
    });
    key.unwrap().to_string()
}

/// Has both programs verify a data folder.
fn verify_both(data: &Path, key: &str, code: i32) -> [String; 2] {
    let own = run(program().arg("verify").arg(data), code);
    [own, run(verifier().args(["--vkey", key]).arg(data), code)]
}

#[test]
fn what_people_decided_is_in_order_for_every_verifier_and_in_an_export() {
    let (stage, made) = decided();
    assert_eq!(made, 3);
    let (records, folder) = stage.end();
    records.assert_complete();
    let (data, key) = (folder.path().join("data"), log_key(&records));
    for report in verify_both(&data, &key, 0) {
        let grants = "4 held, 2 granted, 2 of them dispatched; 1 grant";
        assert!(report.contains(grants), "{report}");
    }
    let bundle = folder.path().join("case.tar");
    let exporting = ["export", "--by", "auditor", "--data"];
    run(program().args(exporting).arg(&data).arg("--out").arg(&bundle), 0);
    let report = run(verifier().args(["--vkey", &key]).arg(&bundle), 0);
    assert!(report.contains("verified: "), "{report}");
    assert!(report.contains("4 held, 2 granted"), "{report}");
}

#[test]
fn whoever_looks_at_a_session_sees_who_allowed_its_calls_and_who_did_not() {
    let (stage, _) = decided();
    let (records, folder) = stage.end();
    let data = folder.path().join("data");
    let sessions = records.events.iter().filter_map(|envelope| {
        matches!(envelope.event, Event::CallHeld(_)).then_some(envelope.session?)
    });
    let trees: Vec<String> = sessions
        .map(|session| {
            let mut trace = program();
            trace.arg("trace").arg(session.to_string()).arg("--data").arg(&data);
            run(&mut trace, 0)
        })
        .collect();
    let [allowed, changed, rejected, _] = &trees[..] else { panic!("{trees:?}") };
    assert!(allowed.contains("allowed by grace@example.com, ben@example.com"), "{allowed}");
    assert!(changed.contains("cleo@example.com made version 2"), "{changed}");
    assert!(changed.contains("allowed by grace@example.com, ben@example.com"), "{changed}");
    assert!(rejected.contains("REFUSED BY PEOPLE"), "{rejected}");
    assert!(rejected.contains("ben@example.com rejected version 1"), "{rejected}");
}

/// The files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Replaces a text in every file below a folder; says in how many.
fn replace(folder: &Path, old: &str, new: &str) -> usize {
    assert_eq!(old.len(), new.len());
    let mut count = 0;
    for path in files(folder) {
        let mut bytes = fs::read(&path).unwrap();
        let windows = bytes.windows(old.len()).enumerate();
        let is_old = |(at, window)| (window == old.as_bytes()).then_some(at);
        let places: Vec<usize> = windows.filter_map(is_old).collect();
        for at in &places {
            bytes.splice(*at..*at + new.len(), new.bytes());
        }
        count += usize::from(!places.is_empty());
        fs::write(&path, bytes).unwrap();
    }
    count
}

#[test]
fn a_vote_that_somebody_altered_on_the_disk_is_found() {
    let (stage, _) = decided();
    let (records, folder) = stage.end();
    let (data, key) = (folder.path().join("data"), log_key(&records));
    let exported = folder.path().join("case");
    let exporting = ["export", "--by", "auditor", "--data"];
    run(program().args(exporting).arg(&data).arg("--out").arg(&exported), 0);
    // Whoever it was, it was not Ben.
    assert!(replace(&exported, BEN, "eve@example.com") > 0);
    run(verifier().args(["--vkey", &key]).arg(&exported), 1);
    assert!(replace(&data, BEN, "eve@example.com") > 0);
    verify_both(&data, &key, 1);
}

#[test]
fn a_signer_who_makes_a_decision_look_otherwise_than_it_was_is_found() {
    let (stage, _) = decided();
    let (records, _folder) = stage.end();
    let verify =
        |log: &Forged, code| run(verifier().args(["--vkey", &log.vkey()]).arg(log.folder()), code);
    let report = verify(&Forged::honest(&records), 0);
    assert!(report.contains("4 held, 2 granted, 2 of them dispatched"), "{report}");
    for (number, (what, log)) in lies(&records).into_iter().enumerate() {
        let report = verify(&log, 1);
        assert!(report.contains(what), "{number}: {report}");
    }
}

/// What the auditor says to each lie, and the lie.
fn lies(records: &Records) -> Vec<(&'static str, Forged)> {
    let first = |kind: &str| {
        let found = records.events.iter().find(|envelope| envelope.event.kind() == kind);
        found.unwrap().event.clone()
    };
    let vote = first("hold.voted");
    let (granted, made) = (first("hold.granted"), first("call.dispatched"));
    let forge = |of: &Event, alter: &dyn Fn(&mut Event)| {
        Forged::of(records, |event| {
            let is_it = event == of;
            if is_it {
                alter(event);
            }
            is_it
        })
    };
    vec![
        (
            "says otherwise",
            forge(&vote, &|event| {
                let Event::HoldVoted(fact) = event else { return };
                fact.vote = Vote::Reject;
            }),
        ),
        (
            "`ada@example.com` decided, for whom the call is",
            forge(&vote, &|event| {
                let Event::HoldVoted(fact) = event else { return };
                fact.by.email = "ada@example.com".into();
            }),
        ),
        (
            "two votes by `ben@example.com` are counted",
            forge(&vote, &|event| {
                let Event::HoldVoted(fact) = event else { return };
                fact.by = crate::voting::voter(BEN).person;
            }),
        ),
        (
            "which is not decided on",
            forge(&granted, &|event| {
                let Event::HoldGranted(fact) = event else { return };
                fact.digest = Digest([1; 32]);
            }),
        ),
        (
            "1 votes do not satisfy its rule",
            forge(&granted, &|event| {
                let Event::HoldGranted(fact) = event else { return };
                fact.votes.truncate(1);
            }),
        ),
        (
            "dispatched without a grant",
            forge(&made, &|event| {
                let Event::CallDispatched(fact) = event else { return };
                fact.grant = None;
                fact.verdict.decision = Decision::Allow;
            }),
        ),
    ]
}
