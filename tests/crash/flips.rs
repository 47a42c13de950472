//! Every bit of what a small gateway keeps: flipped, it is noticed by a start or by
//! `countersign verify`, or it is one that nothing follows from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tests::gateway::{Gateway, Setup};
use tests::records::Records;
use tests::tools::exhaustive;
use tests::upstream::{Upstream, completion};
use tests::wire::{ask, chat};

use crate::observer::Observer;

/// How many bytes of each file are tried, unless every one must be.
const PLACES: usize = 8;

/// The calls that are made.
const CALLS: usize = 7;

/// Why a flipped bit may go unnoticed by `countersign verify`, in a log of so many events.
fn harmless(path: &str, size: u64) -> Option<&'static str> {
    match path {
        _ if path.contains(".p/") && !path.ends_with(&format!("/{size}")) => {
            Some("of an older checkpoint; a start removes it")
        }
        "ledger/payload-keys" => Some("which keys a start must find; it says so if it does not"),
        "ledger/LOCK" => Some("the holder's name, for people"),
        "keys/operator.key" => Some("whoever has the old one may no longer erase"),
        "keys/people.key" => Some("everybody has to sign in again"),
        _ if path.starts_with("people.json") => Some("accounts, which are no part of the record"),
        "ledger/marks.key" => Some("conversations from before the change are not recognised"),
        "keys/checkpoints.key" => Some("a start refuses it: the lock was signed with another"),
        "tlog/0/policy" => Some("convinces nobody; a start writes it again"),
        _ if path.ends_with("/reserve") || path.ends_with("/spare") => Some("no part of the log"),
        _ if path.starts_with("ledger/journal/") => Some("a start refuses it, or it is clean"),
        _ if path.starts_with("lock/") => Some("a start refuses it"),
        _ => None,
    }
}

/// What a start must refuse, or go on from and repair.
fn is_for_starts(path: &str) -> bool {
    path.starts_with("lock/") && path.ends_with(".checkpoint")
        || path == "keys/checkpoints.key"
        || path == "ledger/payload-keys"
        || path.starts_with("ledger/journal/")
        || path.starts_with("tlog/")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// The places of a file that are tried: its ends, and evenly between, as far as it was written.
fn places(bytes: &[u8]) -> Vec<usize> {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let step = if exhaustive() { 1 } else { end.div_ceil(PLACES).max(1) };
    let mut places: Vec<usize> = (0..end).step_by(step).collect();
    places.extend(end.checked_sub(1));
    places.dedup();
    places
}

/// A gateway that has made some calls and stopped.
fn used(upstream: &Upstream, data: &Path) -> (Setup, Gateway) {
    let setup = Setup::new().provider("openai", &upstream.url(), "*").data(data);
    let mut gateway = setup.clone().start();
    for number in 0..CALLS {
        let text = format!("question {number}");
        assert_eq!(ask(gateway.agents, chat("m", &text, false)).unwrap().status(), 200);
    }
    gateway.stop_and_check();
    (setup, gateway)
}

#[test]
fn no_bit_of_a_sealed_ledger_can_be_flipped_unnoticed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let (setup, _gateway) = used(&upstream, &data);
    let observer = Observer::new();
    observer.verify(&data);
    let size = Records::read(&data).events.len() as u64;
    assert!(size < tlog::TILE_WIDTH, "all of the log is in partial files");
    let mut all = Vec::new();
    files(&data, &mut all);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for path in all {
        let bytes = fs::read(&path).unwrap();
        let name = path.strip_prefix(&data).unwrap().to_str().unwrap();
        for at in places(&bytes) {
            let mut flipped = bytes.clone();
            *flipped.get_mut(at).unwrap() ^= 1 << (at % 8);
            fs::write(&path, &flipped).unwrap();
            let noticed = observer.try_verify(&data).is_err();
            let reason = if noticed {
                Some("verify says so")
            } else if name == "keys/payloads.key" && flipped.eq_ignore_ascii_case(&bytes) {
                Some("the same digits in capitals")
            } else {
                harmless(name, size)
            };
            let reason = reason.unwrap_or_else(|| panic!("byte {at} of {name} goes unnoticed"));
            *seen.entry(reason).or_default() += 1;
            fs::write(&path, &bytes).unwrap();
        }
    }
    println!("{seen:#?}");
    observer.verify(&data);
    mended_or_refused(&setup, &data, &observer);
}

/// One flip in each file that a start reads: it refuses, or makes the file again.
fn mended_or_refused(setup: &Setup, data: &Path, observer: &Observer) {
    let mut all = Vec::new();
    files(data, &mut all);
    for path in all {
        let name = path.strip_prefix(data).unwrap().to_str().unwrap();
        let bytes = fs::read(&path).unwrap_or_default();
        if !is_for_starts(name) || bytes.is_empty() {
            continue;
        }
        let mut flipped = bytes.clone();
        *flipped.get_mut(bytes.len() / 2).unwrap() ^= 1;
        fs::write(&path, &flipped).unwrap();
        if let Ok(mut gateway) = setup.clone().try_start() {
            let may = !name.starts_with("lock/") && !name.starts_with("keys/");
            assert!(may, "{name} was altered, and it started");
            gateway.stop_and_check();
            observer.verify(data);
        } else {
            assert!(!name.starts_with("tlog/"), "{name} was altered, and it did not start");
            fs::write(&path, &bytes).unwrap();
        }
    }
}
