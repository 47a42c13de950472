//! Restarts on a machine that went on, with what its page cache holds, and then a power cut.

use super::super::disk::Disk;
use super::super::simulated::{Crash, Fault, SimulatedDisk};
use super::{DIR, open, script, small};
use crate::backend::file::filler::Workers;
use crate::backend::file::{FileLog, OpenError, Options};
use crate::conformance::{assert_holds, batch};
use crate::log::{Batch, Log};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Appends until one fails; how many were acknowledged.
fn append(disk: &SimulatedDisk, batches: &[Batch]) -> usize {
    let Ok((mut log, _)) = open(disk) else { return 0 };
    batches.iter().take_while(|batch| log.append(batch).is_ok()).count()
}

fn records(batches: &[Batch]) -> u64 {
    batches.iter().map(|batch| batch.records.len() as u64).sum()
}

/// Batches of which the segments have nothing: the journal alone has them.
fn in_the_journal_alone() -> (SimulatedDisk, Vec<Batch>) {
    let disk = SimulatedDisk::default();
    let batches: Vec<Batch> = (0..2).map(|first| batch(first, 1, true)).collect();
    assert_eq!(append(&disk, &batches), batches.len());
    (disk.crash(Crash::Nothing), batches)
}

/// Lets each operation fail, restarts, appends more, and then cuts the power.
fn assert_goes_on_after(fault: Fault) {
    let batches = script();
    let whole = SimulatedDisk::default();
    assert_eq!(append(&whole, &batches), batches.len());
    for operation in 0..whole.operations() {
        let disk = SimulatedDisk::default();
        disk.fail(operation, fault);
        let acked = append(&disk, &batches);
        let (mut log, _) = open(&disk).unwrap();
        let found =
            (0..=batches.len()).find(|count| records(&batches[..*count]) == log.next().number());
        let mut held = batches[..found.unwrap()].to_vec();
        assert!(acked <= held.len());
        for _ in 0..2 {
            let more = batch(log.next().number(), 1, true);
            log.append(&more).unwrap();
            held.push(more);
        }
        for crash in [Crash::Nothing, Crash::Prefix, Crash::Some(1), Crash::Some(3)] {
            let opened = open(&disk.crash(crash));
            let (log, _) = opened.unwrap_or_else(|error| panic!("{operation}, {crash:?}: {error}"));
            assert_eq!(log.next().number(), records(&held), "{operation}, {crash:?}");
            assert_holds(&*log.reader(), &held);
        }
    }
}

#[test]
fn a_killed_process_and_a_power_cut_after_its_restart_lose_nothing() {
    assert_goes_on_after(Fault::Killed);
}

#[test]
fn a_failed_operation_and_a_power_cut_after_the_restart_lose_nothing() {
    assert_goes_on_after(Fault::Error(io::ErrorKind::Other));
}

#[test]
fn a_refused_start_leaves_the_journal_as_it_was() {
    let (disk, batches) = in_the_journal_alone();
    let (last, away) = (Path::new("ledger/payloads/00000000000000000000.log"), Path::new("away"));
    disk.rename(last, away).unwrap();
    assert!(matches!(open(&disk), Err(OpenError::Missing { .. })));
    disk.rename(away, last).unwrap();
    assert_holds(&*open(&disk).unwrap().0.reader(), &batches);
}

#[test]
fn segments_that_vanished_are_missed_by_the_journal() {
    let disk = SimulatedDisk::default();
    assert_eq!(append(&disk, &[batch(0, 1, true)]), 1);
    let is_segment = |path: &Path| path.ends_with("00000000000000000000.log");
    for path in disk.snapshot().into_keys().filter(|path| is_segment(path)) {
        Disk::remove(&disk, &path).unwrap();
    }
    assert!(matches!(open(&disk), Err(OpenError::Missing { .. })));
}

#[test]
fn a_journal_file_that_was_cut_is_found_at_the_next_start() {
    let disk = SimulatedDisk::default();
    drop(open(&disk).unwrap());
    disk.tamper(Path::new("ledger/journal/1.log"), |bytes| bytes.truncate(1024));
    assert!(matches!(open(&disk), Err(OpenError::Unreadable(_))));
}

#[test]
fn a_torn_entry_of_the_journal_is_kept_and_told() {
    let disk = SimulatedDisk::default();
    let (mut log, _) = open(&disk).unwrap();
    let first = batch(0, 1, true);
    log.append(&first).unwrap();
    disk.fail(1, Fault::Off);
    assert!(log.append(&batch(1, 2, true)).is_err());
    drop(log);
    let cut = (0..64).find_map(|seed| {
        let torn = disk.crash(Crash::Some(seed));
        let (log, recovery) = open(&torn).unwrap();
        // By chance all of it may be there.
        let log = Some(log).filter(|log| log.next().number() == 1)?;
        assert_holds(&*log.reader(), std::slice::from_ref(&first));
        let cut = recovery.cuts.into_iter().find(|cut| cut.file.starts_with("ledger/journal"))?;
        assert_eq!(torn.snapshot()[&cut.kept_in].len() as u64, cut.bytes);
        Some(cut)
    });
    assert!(cut.is_some_and(|cut| cut.bytes > 0));
}

#[test]
fn a_journal_too_small_for_anything_is_refused() {
    for journal_bytes in [0, 8, 80, 511] {
        let options = Options { journal_bytes, ..small() };
        let disk = Arc::new(SimulatedDisk::default());
        let log = FileLog::open_on(disk, Path::new(DIR), &options, Workers::Inline);
        assert!(matches!(log, Err(OpenError::Options { .. })), "{journal_bytes}");
    }
}
