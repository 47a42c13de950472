//! Whatever is changed on the disk is found, or makes no difference.

use super::super::layout::SECTOR;
use super::super::simulated::{Crash, SimulatedDisk};
use super::{open, script};
use crate::Sequence;
use crate::log::{Batch, Log};
use bytes::Bytes;
use std::path::PathBuf;

/// A log of several segments, closed.
fn written(batches: &[Batch]) -> SimulatedDisk {
    let disk = SimulatedDisk::default();
    let (mut log, _) = open(&disk).unwrap();
    for batch in batches {
        log.append(batch).unwrap();
    }
    disk
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// The log does not open.
    Refused,
    /// It opens, and says that it cut something.
    Cut,
    /// It opens, and a read fails.
    Unreadable,
    /// Everything is as it was.
    Harmless,
    /// Some records at the end are gone and nothing is said.
    Silent,
}

/// Opens a log that was tampered with, and reads everything: nothing may ever read otherwise.
fn look(disk: &SimulatedDisk, batches: &[Batch]) -> Found {
    let records: Vec<Bytes> = batches.iter().flat_map(|batch| batch.records.clone()).collect();
    let Ok((log, recovery)) = open(disk) else { return Found::Refused };
    let reader = log.reader();
    let next = log.next().number();
    let Ok(read) = reader.read(Sequence::FIRST, usize::MAX) else { return Found::Unreadable };
    assert_eq!(read, records[..usize::try_from(next).unwrap()], "a record reads otherwise");
    let held = usize::try_from(next).unwrap();
    let of_held = batches.iter().scan(0, |sum, batch| {
        *sum += batch.records.len();
        Some((*sum, batch))
    });
    for (_, batch) in of_held.take_while(|(sum, _)| *sum <= held) {
        for payload in &batch.payloads {
            match reader.payload(payload.scope, payload.address) {
                Ok(kept) => assert_eq!(kept.as_ref(), Some(&payload.bytes), "a payload differs"),
                Err(_) => return Found::Unreadable,
            }
        }
    }
    match (held == records.len(), recovery.cuts.is_empty()) {
        (true, _) => Found::Harmless,
        (false, false) => Found::Cut,
        (false, true) => Found::Silent,
    }
}

/// The files of a log that hold what was acknowledged, with their bytes.
fn files(disk: &SimulatedDisk) -> Vec<(PathBuf, Vec<u8>)> {
    let is_kept = |path: &PathBuf| !path.ends_with("LOCK");
    disk.snapshot().into_iter().filter(|(path, _)| is_kept(path)).collect()
}

#[test]
fn every_flipped_byte_is_found_or_harmless() {
    let batches = script();
    let disk = written(&batches);
    let mut refused = 0;
    for (path, bytes) in files(&disk) {
        for at in 0..bytes.len() {
            let copy = disk.copy();
            copy.tamper(&path, |bytes| bytes[at] ^= 1 << (at % 8));
            let found = look(&copy, &batches);
            let is_fine = [Found::Refused, Found::Unreadable, Found::Harmless].contains(&found);
            assert!(is_fine, "{found:?}: byte {at} of {}", path.display());
            refused += u32::from(found == Found::Refused);
        }
    }
    assert!(refused > 1000);
}

#[test]
fn every_flipped_byte_of_a_journal_that_is_needed_is_found() {
    let batches = script();
    // The segments lack what was not synced, so that the journal alone has the last batches.
    let disk = written(&batches).crash(Crash::Nothing);
    assert_eq!(look(&disk, &batches), Found::Harmless);
    let disk = written(&batches).crash(Crash::Nothing);
    let is_journal = |path: &PathBuf| path.parent().is_some_and(|dir| dir.ends_with("journal"));
    let mut refused = 0;
    for (path, bytes) in files(&disk).into_iter().filter(|(path, _)| is_journal(path)) {
        for at in 0..bytes.len() {
            let copy = disk.copy();
            copy.tamper(&path, |bytes| bytes[at] ^= 1 << (at % 8));
            let found = look(&copy, &batches);
            let is_fine = [Found::Refused, Found::Harmless].contains(&found);
            assert!(is_fine, "{found:?}: byte {at} of {}", path.display());
            refused += u32::from(found == Found::Refused);
        }
    }
    assert!(refused > 500, "only {refused} bytes of the journal mattered");
}

#[test]
fn every_zeroed_sector_is_found_or_harmless() {
    let batches = script();
    let disk = written(&batches);
    for (path, bytes) in files(&disk) {
        for at in (0..bytes.len()).step_by(SECTOR) {
            let copy = disk.copy();
            copy.tamper(&path, |bytes| {
                let end = bytes.len().min(at + SECTOR);
                bytes[at..end].fill(0);
            });
            let found = look(&copy, &batches);
            assert!(found != Found::Silent, "sector {at} of {}", path.display());
        }
    }
}

#[test]
fn every_cut_file_is_found_or_harmless() {
    let batches = script();
    let disk = written(&batches);
    for (path, bytes) in files(&disk) {
        for length in 0..bytes.len() {
            let copy = disk.copy();
            copy.tamper(&path, |bytes| bytes.truncate(length));
            let found = look(&copy, &batches);
            let is_fine = [Found::Refused, Found::Unreadable, Found::Harmless].contains(&found);
            assert!(is_fine, "{found:?}: {} with {length} bytes", path.display());
        }
    }
}

#[test]
fn every_missing_file_is_found_or_harmless() {
    let batches = script();
    let disk = written(&batches);
    let mut refused = 0;
    for (path, _) in files(&disk) {
        let copy = disk.copy();
        super::super::disk::Disk::remove(&copy, &path).unwrap();
        let found = look(&copy, &batches);
        let is_index = path.extension().is_some_and(|extension| extension == "index");
        let expected = if is_index { Found::Harmless } else { Found::Refused };
        assert_eq!(found, expected, "without {}", path.display());
        refused += u32::from(found == Found::Refused);
    }
    assert!(refused > 2);
}

#[test]
fn sectors_that_changed_places_are_found() {
    let batches = script();
    let disk = written(&batches);
    for (path, bytes) in files(&disk) {
        let sectors = bytes.len() / SECTOR;
        for (one, other) in (0..sectors).flat_map(|one| (0..one).map(move |other| (one, other))) {
            let copy = disk.copy();
            copy.tamper(&path, |bytes| {
                let (low, high) = bytes.split_at_mut(one * SECTOR);
                low[other * SECTOR..][..SECTOR].swap_with_slice(&mut high[..SECTOR]);
            });
            let found = look(&copy, &batches);
            assert!(found != Found::Silent, "{one} and {other} of {}", path.display());
        }
    }
}
