//! What is recorded on a full disk because it was already done, and files that vanish under the
//! writer.

use super::super::simulated::{Crash, Fault, SimulatedDisk};
use super::{DIR, small};
use crate::backend::file::filler::Workers;
use crate::backend::file::{FileLog, OpenError, Options};
use crate::conformance::{assert_holds, batch, payload};
use crate::log::{AppendError, Batch, Log};
use std::path::Path;
use std::sync::Arc;

fn options() -> Options {
    Options { reserve_bytes: 8192, ..small() }
}

fn open_with(disk: &SimulatedDisk, options: &Options) -> Result<FileLog, OpenError> {
    let disk = Arc::new(disk.clone());
    FileLog::open_on(disk, Path::new(DIR), options, Workers::Inline).map(|(log, _)| log)
}

fn open(disk: &SimulatedDisk) -> Result<FileLog, OpenError> {
    open_with(disk, &options())
}

/// A batch that takes a good part of the reserve.
fn outcome(next: u64) -> Batch {
    let mut made = batch(next, 3, true);
    made.payloads.push(payload(next + 7000, 700));
    made
}

fn is_full(appended: &Result<(), AppendError>) -> bool {
    matches!(appended, Err(AppendError::Full { .. }))
}

/// Appends to a disk without room until nothing more is taken; what was acknowledged, and the
/// batch that was under way if the machine went off.
fn fill(disk: &SimulatedDisk) -> (Vec<Batch>, Option<Batch>) {
    let Ok(mut log) = open(disk) else { return (Vec::new(), None) };
    let mut held = Vec::new();
    loop {
        let more = outcome(log.next().number());
        match log.append(&more) {
            Ok(()) => held.push(more),
            Err(AppendError::Full { .. }) => break,
            Err(_) => return (held, Some(more)),
        }
        disk.limit_room(Some(disk.used()));
    }
    loop {
        let more = outcome(log.next().number());
        match log.append_reserved(&more) {
            Ok(()) => held.push(more),
            Err(AppendError::Full { .. }) => return (held, None),
            Err(_) => return (held, Some(more)),
        }
    }
}

#[test]
fn on_a_full_disk_what_was_already_done_is_recorded_and_nothing_else_until_there_is_room() {
    let disk = SimulatedDisk::default();
    let mut log = open(&disk).unwrap();
    disk.limit_room(Some(disk.used()));
    let mut held = Vec::new();
    loop {
        let more = outcome(log.next().number());
        let appended = log.append(&more);
        if is_full(&appended) {
            break;
        }
        appended.unwrap();
        held.push(more);
    }
    assert!(!log.is_on_reserve());
    let before = held.len();
    loop {
        let more = outcome(log.next().number());
        let appended = log.append_reserved(&more);
        if is_full(&appended) {
            break;
        }
        appended.unwrap();
        assert!(log.is_on_reserve());
        held.push(more);
        assert!(is_full(&log.append(&batch(log.next().number(), 1, false))), "it used the reserve");
        assert!(is_full(&log.check()));
    }
    assert!(before < held.len(), "there is no reserve");
    disk.limit_room(None);
    log.check().unwrap();
    assert!(!log.is_on_reserve());
    let more = outcome(log.next().number());
    log.append(&more).unwrap();
    held.push(more);
    assert_holds(&*log.reader(), &held);
    drop(log);
    assert_holds(&*open(&disk).unwrap().reader(), &held);
}

#[test]
fn the_reserve_is_kept_over_a_restart_on_a_full_disk() {
    let disk = SimulatedDisk::default();
    drop(open(&disk).unwrap());
    disk.limit_room(Some(disk.used()));
    let mut log = open(&disk).unwrap();
    assert!(!log.is_on_reserve());
    let mut held = Vec::new();
    while held.len() < 20 {
        let more = outcome(log.next().number());
        if is_full(&log.append_reserved(&more)) {
            break;
        }
        held.push(more);
    }
    assert!(log.is_on_reserve());
    drop(log);
    let mut log = open(&disk).unwrap();
    assert!(log.is_on_reserve(), "what was used is not there");
    assert!(is_full(&log.append(&batch(log.next().number(), 1, false))));
    assert_holds(&*log.reader(), &held);
}

#[test]
fn a_log_without_a_reserve_gives_its_room_back() {
    let disk = SimulatedDisk::default();
    drop(open(&disk).unwrap());
    let options = Options { reserve_bytes: 0, ..options() };
    assert!(!open_with(&disk, &options).unwrap().is_on_reserve());
    assert!(disk.snapshot().keys().all(|path| !path.ends_with("reserve")));
}

#[test]
fn a_crash_at_any_operation_on_a_full_disk_loses_nothing_acknowledged() {
    let whole = SimulatedDisk::default();
    let used = fill(&whole).0.len();
    let mut on_reserve = 0;
    for operation in 0..whole.operations() {
        let disk = SimulatedDisk::default();
        disk.fail(operation, Fault::Off);
        let (mut batches, under_way) = fill(&disk);
        let acked = batches.len();
        batches.extend(under_way);
        let crashes = [Crash::Nothing, Crash::All, Crash::Prefix];
        for crash in crashes.into_iter().chain((0..8).map(Crash::Some)) {
            let after = disk.crash(crash);
            // The disk is as full as it was.
            after.limit_room(Some(after.used().max(whole.used())));
            let log = open(&after).or_else(|error| {
                // What was torn is kept, and that takes room.
                assert!(error.to_string().contains("free some space"), "{operation}: {error}");
                after.limit_room(None);
                open(&after)
            });
            let log = log.unwrap();
            let records = log.next().number();
            let mut sum = 0;
            let held = batches
                .iter()
                .take_while(|batch| {
                    sum += batch.records.len() as u64;
                    sum <= records
                })
                .count();
            assert!((acked..=batches.len()).contains(&held), "{operation}: {held} of {acked}");
            assert_holds(&*log.reader(), &batches[..held]);
            on_reserve += u32::from(log.is_on_reserve());
        }
    }
    assert!(used > 2 && on_reserve > 20, "{used} batches, {on_reserve} times on the reserve");
}

#[test]
fn a_file_that_is_removed_or_replaced_under_the_writer_poisons_it_by_name() {
    let names = |dir: &Path| {
        let events = dir.join("events").join(format!("{:020}.log", 0));
        let payloads = dir.join("payloads").join(format!("{:020}.log", 0));
        let journal = dir.join("journal");
        [events, payloads, journal.join("0.log"), journal.join("1.log"), dir.join("LOCK")]
    };
    for which in 0..5 {
        for replaced in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let (mut log, _) = FileLog::open(dir.path(), &small()).unwrap();
            log.append(&batch(0, 1, true)).unwrap();
            log.check().unwrap();
            let path = &names(dir.path())[which];
            let copy = std::fs::read(path).unwrap();
            std::fs::remove_file(path).unwrap();
            if replaced {
                std::fs::write(path, copy).unwrap();
            }
            let error = log.check().unwrap_err();
            assert!(matches!(error, AppendError::Poisoned { .. }));
            let word = if replaced { "replaced" } else { "removed" };
            let said = error.to_string();
            assert!(said.contains(word) && said.contains(path.to_str().unwrap()), "{said}");
            assert!(matches!(log.append(&batch(1, 1, true)), Err(AppendError::Poisoned { .. })));
        }
    }
}
