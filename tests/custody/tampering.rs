//! Files of a data folder that somebody changed: each is a finding that names it.

use crate::disk::{copy, files, middle};
use crate::stage::{Ended, Stage, report, run};
use ledger::backend::file::FileReader;
use ledger::log::{Address, Reader as _};
use ledger::payload::scope;
use std::fs;
use std::path::{Path, PathBuf};
use tests::disk::noise;
use tests::records::Records;

/// A stopped gateway with enough events for a full tile.
fn stopped() -> Stage {
    let mut stage = Stage::start();
    for number in 0..70 {
        stage.say(&format!("session-{number}"), &format!("question {number}"));
    }
    // The payload segment of those is sealed by this, and another one written.
    for number in 0..3 {
        stage.say("large", &noise(700_000 + number));
    }
    stage.gateway.stop_and_check();
    stage.verify();
    stage
}

fn verify(data: &Path) -> Ended {
    run(&["verify", data.to_str().unwrap(), "--json"], &[])
}

/// The findings of a report, each with file and byte.
fn findings(ended: &Ended) -> Vec<(String, Option<u64>)> {
    let report = report(ended);
    let listed = report.get("listed").unwrap().as_array().unwrap();
    let place = |finding: &serde_json::Value| {
        let file = finding.get("file").and_then(serde_json::Value::as_str).unwrap_or_default();
        (file.to_owned(), finding.get("byte").and_then(serde_json::Value::as_u64))
    };
    listed.iter().map(place).collect()
}

fn flip(path: &Path, at: usize) -> Vec<u8> {
    let before = fs::read(path).unwrap();
    let mut bytes = before.clone();
    *bytes.get_mut(at).unwrap() ^= 4;
    fs::write(path, bytes).unwrap();
    before
}

/// Where the bytes of a stored payload stand.
fn place(data: &Path, number: usize) -> (PathBuf, usize, usize) {
    let records = Records::read(data);
    let (session, reference) = records
        .events
        .iter()
        .filter_map(|envelope| Some((envelope.session?, *envelope.event.payload()?)))
        .nth(number)
        .unwrap();
    let reader = FileReader::open(&data.join("ledger")).unwrap();
    let address = Address(reference.digest.0);
    let stored = reader.payload(scope(session), address).unwrap().unwrap();
    for file in files(&data.join("ledger/payloads")) {
        let bytes = fs::read(&file).unwrap();
        let at = bytes.windows(stored.len()).position(|window| window == &*stored);
        if let Some(at) = at {
            return (file, at, stored.len());
        }
    }
    panic!("the payload is in no segment");
}

#[test]
fn a_changed_byte_is_named_with_its_file_whatever_file_it_is_in() {
    let stage = stopped();
    let data = stage.data();
    let tile = |part: &str| files(&data.join("tlog/0/tile").join(part)).remove(0);
    let segment = files(&data.join("ledger/events"))
        .into_iter()
        .find(|path| path.extension().is_some_and(|kind| kind == "log"))
        .unwrap();
    let (sealed, in_sealed, _) = place(data, 9);
    let (active, in_active, _) = place(data, 140 + 4);
    assert_ne!(sealed, active);
    let checkpoint = data.join("tlog/0/checkpoint");
    for (path, at) in [
        (segment.clone(), middle(&segment)),
        (sealed, in_sealed + 3),
        (active, in_active + 3),
        (tile("0"), 40),
        (tile("entries"), 1000),
        (checkpoint, 30),
    ] {
        let before = flip(&path, at);
        let ended = verify(data).with(1);
        let found = findings(&ended);
        let named = found.iter().any(|(file, _)| Path::new(file) == path);
        assert!(named, "{}: {found:?} {}", path.display(), ended.out);
        println!("{} byte {at}: {:?}", path.display(), found.first());
        fs::write(&path, before).unwrap();
    }
    stage.verify();
}

#[test]
fn a_payload_that_is_gone_without_an_event_is_a_finding() {
    let stage = stopped();
    let data = stage.data();
    let (segment, at, length) = place(data, 5);
    let before = fs::read(&segment).unwrap();
    let mut bytes = before.clone();
    bytes.get_mut(at..at + length).unwrap().fill(0);
    fs::write(&segment, &bytes).unwrap();
    let found = findings(&verify(data).with(1));
    assert!(!found.is_empty());
    fs::write(&segment, before).unwrap();
    stage.verify();

    // As an erasure does it, by whoever knows how, but without a word.
    let copied = data.parent().unwrap().join("copy");
    copy(data, &copied);
    let records = Records::read(data);
    let session = records.events.iter().find_map(|envelope| envelope.session).unwrap();
    let options = ledger::backend::file::Options {
        shard: "countersign/0".into(),
        ..ledger::backend::file::Options::default()
    };
    let (mut log, _) =
        ledger::backend::file::FileLog::open(&copied.join("ledger"), &options).unwrap();
    ledger::log::Log::erase(&mut log, &[scope(session)]).unwrap();
    drop(log);
    let ended = verify(&copied).with(1);
    assert!(ended.out.contains(&session.to_string()), "{}", ended.out);
    assert!(ended.out.contains("no erasure of it is recorded"), "{}", ended.out);

    fs::remove_file(&segment).unwrap();
    verify(data).with(74);
}
