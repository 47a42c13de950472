//! Erasures on disks that crash, fail, fill up and decay: all or nothing, and nothing else lost.

use super::super::disk::Disk;
use super::super::simulated::{Crash, Fault, SimulatedDisk};
use super::{open, script, small};
use crate::backend::file::{FileLog, FileReader};
use crate::conformance::{assert_holds, batch, payload};
use crate::log::{Address, AppendError, Batch, Erased, Log, Reader, Scope, Sealed};
use std::io;
use std::path::{Path, PathBuf};

const GONE: Scope = Scope([1; 16]);

fn crashes() -> impl Iterator<Item = Crash> {
    [Crash::Nothing, Crash::All, Crash::Prefix].into_iter().chain((0..6).map(Crash::Some))
}

/// What is to be erased of a batch that starts with this record.
fn doomed(first: u64) -> Vec<Sealed> {
    let scoped = |made: Sealed| Sealed { scope: GONE, ..made };
    let key = Sealed { address: Address::FIRST, ..scoped(payload(999, 40)) };
    vec![scoped(payload(1000 + first, 200)), scoped(payload(2000 + first, 700)), key]
}

/// A log of several segments: what is to stay, and what is to be erased.
fn written(disk: &SimulatedDisk) -> (FileLog, Vec<Batch>, Vec<Sealed>) {
    let (mut log, _) = open(disk).unwrap();
    let mut stays = script();
    let mut all_doomed = Vec::new();
    for batch in &mut stays {
        let first = log.next().number();
        let mut with_doomed = batch.clone();
        if !batch.payloads.is_empty() {
            with_doomed.payloads.extend(doomed(first));
            all_doomed.extend(doomed(first));
        }
        log.append(&with_doomed).unwrap();
    }
    (log, stays, all_doomed)
}

/// Whether everything that was to be erased is; it must be all or nothing, and nothing else.
fn is_erased(reader: &dyn Reader, stays: &[Batch], doomed: &[Sealed]) -> bool {
    assert_holds(reader, stays);
    let read = |it: &Sealed| reader.payload(it.scope, it.address).unwrap();
    let left = doomed.iter().filter(|it| read(it) == Some(it.bytes.clone())).count();
    let gone = doomed.iter().filter(|it| read(it).is_none()).count();
    assert_eq!(left + gone, doomed.len(), "a payload reads otherwise");
    assert!(left == 0 || gone == 0, "{left} are left, {gone} are gone");
    left == 0
}

/// Whether anything that was to be erased stands somewhere on the disk.
fn is_somewhere(disk: &SimulatedDisk, doomed: &[Sealed]) -> bool {
    let is_in = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|at| at == part);
    let files = disk.snapshot();
    files.values().any(|bytes| doomed.iter().any(|it| is_in(bytes, &it.bytes[8..40])))
}

/// Opens what a crash left, and erases and appends on.
fn check_after(disk: &SimulatedDisk, stays: &[Batch], doomed: &[Sealed], must_be_erased: bool) {
    let (mut log, _) = open(disk).unwrap_or_else(|error| panic!("it does not open: {error}"));
    let erased = is_erased(&*log.reader(), stays, doomed);
    assert!(erased || !must_be_erased, "it was taken back");
    assert_eq!(is_somewhere(&disk.crash(Crash::Nothing), doomed), !erased);
    log.erase(&[GONE]).unwrap();
    assert!(is_erased(&*log.reader(), stays, doomed));
    assert!(!is_somewhere(&disk.crash(Crash::Nothing), doomed));
    let mut stays = stays.to_vec();
    let mut again = batch(log.next().number(), 1, true);
    again.payloads.extend(doomed.iter().rev().take(3).cloned());
    log.append(&again).unwrap();
    stays.push(again);
    assert_holds(&*log.reader(), &stays);
    assert_holds(&*open(&disk.crash(Crash::Nothing)).unwrap().0.reader(), &stays);
}

/// How many operations an erasure takes.
fn operations() -> u64 {
    let disk = SimulatedDisk::default();
    let (mut log, ..) = written(&disk);
    let before = disk.operations();
    log.erase(&[GONE]).unwrap();
    disk.operations() - before
}

/// Disks on which the machine went off in the middle of an erasure.
fn torn() -> impl Iterator<Item = (SimulatedDisk, Vec<Batch>, Vec<Sealed>, bool)> {
    let operations = operations();
    assert!(operations > 60, "the erasure is too short to have several rounds");
    (0..=operations).map(|operation| {
        let disk = SimulatedDisk::default();
        let (mut log, stays, doomed) = written(&disk);
        disk.fail(operation, Fault::Off);
        let is_acknowledged = log.erase(&[GONE]).is_ok();
        (disk, stays, doomed, is_acknowledged)
    })
}

fn is_begun(disk: &SimulatedDisk) -> bool {
    disk.snapshot().contains_key(Path::new("ledger/erasing"))
}

#[test]
fn what_was_erased_is_nowhere_on_the_disk() {
    let disk = SimulatedDisk::default();
    let (mut log, stays, doomed) = written(&disk);
    assert!(disk.snapshot().contains_key(Path::new("ledger/payloads/00000000000000000002.log")));
    assert!(!is_erased(&*log.reader(), &stays, &doomed));
    assert!(is_somewhere(&disk, &doomed));
    let erased = log.erase(&[GONE]).unwrap();
    assert!(erased.payloads >= 11 && erased.bytes > 4000, "{erased:?}");
    assert!(is_erased(&*log.reader(), &stays, &doomed));
    for disk in [disk.clone(), disk.crash(Crash::Nothing)] {
        assert!(!is_somewhere(&disk, &doomed));
        assert!(!is_begun(&disk));
    }
    assert_eq!(log.erase(&[GONE]).unwrap(), Erased::default());
}

#[test]
fn a_crash_at_any_operation_of_an_erasure_leaves_all_or_nothing() {
    for (disk, stays, doomed, is_acknowledged) in torn() {
        for crash in crashes() {
            check_after(&disk.crash(crash), &stays, &doomed, is_acknowledged);
        }
    }
}

#[test]
fn a_crash_while_an_erasure_is_finished_leaves_all_of_it_erased() {
    let mut tried = 0;
    for (disk, stays, doomed, _) in torn().step_by(9) {
        let torn = disk.crash(Crash::Some(tried));
        if !is_begun(&torn) {
            continue;
        }
        let probe = torn.copy();
        let (_, recovery) = open(&probe).unwrap();
        assert_eq!(recovery.erased, [GONE]);
        for step in 0..probe.operations() {
            let again = torn.copy();
            again.fail(step, Fault::Off);
            drop(open(&again));
            for crash in [Crash::Nothing, Crash::All, Crash::Some(step)] {
                let after = again.crash(crash);
                assert!(is_erased(&*open(&after).unwrap().0.reader(), &stays, &doomed));
                assert!(!is_somewhere(&after.crash(Crash::Nothing), &doomed));
            }
        }
        tried += 1;
    }
    assert!(tried > 4, "only {tried} crashes left an erasure that had begun");
}

#[test]
fn a_failure_of_any_operation_of_an_erasure_poisons_and_a_restart_finishes_or_forgets_it() {
    let mut poisonings = 0;
    for fault in [Fault::Error(io::ErrorKind::Other), Fault::Killed] {
        for operation in 0..operations() {
            let disk = SimulatedDisk::default();
            let (mut log, stays, doomed) = written(&disk);
            disk.fail(operation, fault);
            let is_acknowledged = match log.erase(&[GONE]) {
                Ok(_) => true,
                Err(error) => {
                    assert!(matches!(error, AppendError::Unknown { .. }), "{error}");
                    let poisoned = log.erase(&[GONE]);
                    assert!(matches!(poisoned, Err(AppendError::Poisoned { .. })));
                    let more = batch(log.next().number(), 1, true);
                    let poisoned = log.append(&more);
                    assert!(matches!(poisoned, Err(AppendError::Poisoned { .. })));
                    poisonings += 1;
                    false
                }
            };
            drop(log);
            // The machine and its page cache go on, and then the power fails.
            let erased = is_erased(&*open(&disk).unwrap().0.reader(), &stays, &doomed);
            assert!(erased || !is_acknowledged);
            check_after(&disk.crash(Crash::Nothing), &stays, &doomed, erased);
        }
    }
    assert!(poisonings > 100);
}

#[test]
fn a_full_disk_refuses_an_erasure_whole() {
    let disk = SimulatedDisk::default();
    let (mut log, stays, doomed) = written(&disk);
    disk.limit_room(Some(disk.used() + 10));
    assert!(matches!(log.erase(&[GONE]), Err(AppendError::Full { .. })));
    assert!(!is_erased(&*log.reader(), &stays, &doomed));
    disk.limit_room(None);
    log.erase(&[GONE]).unwrap();
    assert!(is_erased(&*log.reader(), &stays, &doomed));
}

#[test]
fn every_changed_byte_of_an_erasure_that_had_begun_is_found() {
    let begun = torn().map(|(disk, ..)| disk.crash(Crash::Nothing)).find(is_begun).unwrap();
    let path = Path::new("ledger/erasing");
    let length = begun.snapshot()[path].len();
    let assert_refused = |change: &dyn Fn(&mut Vec<u8>)| {
        let copy = begun.copy();
        copy.tamper(path, |bytes| change(bytes));
        let error = open(&copy).err().expect("it opens").to_string();
        assert!(error.contains("ledger/erasing"), "{error}");
    };
    for at in 0..length {
        assert_refused(&|bytes| bytes[at] ^= 1 << (at % 8));
        assert_refused(&|bytes| bytes.truncate(at));
    }
    assert_refused(&|bytes| bytes.push(0));
}

#[test]
fn an_erasure_of_another_log_overwrites_nothing() {
    let disk = torn().map(|(disk, ..)| disk.crash(Crash::Nothing)).find(is_begun).unwrap();
    let listed = disk.snapshot()[Path::new("ledger/erasing")].clone();
    let number = |at: usize| u64::from_le_bytes(listed[at..at + 8].try_into().unwrap());
    let (segment, offset) = (number(64 + 16), number(64 + 16 + 8));
    let path = PathBuf::from(format!("ledger/payloads/{segment:020}.log"));
    disk.tamper(&path, |bytes| bytes[usize::try_from(offset).unwrap() + 20] ^= 1);
    let before = disk.snapshot();
    let error = open(&disk).err().expect("it opens").to_string();
    assert!(error.contains("does not stand here"), "{error}");
    assert_eq!(disk.snapshot()[&path], before[&path]);
}

#[test]
fn every_flipped_byte_around_erased_payloads_is_found_or_harmless() {
    let disk = SimulatedDisk::default();
    let (mut log, mut stays, mut doomed) = written(&disk);
    let mut last = batch(log.next().number(), 1, false);
    stays.push(last.clone());
    last.payloads = self::doomed(500);
    doomed.extend(self::doomed(500));
    log.append(&last).unwrap();
    log.erase(&[GONE]).unwrap();
    drop(log);
    let (mut refused, mut harmless) = (0, 0);
    let is_payloads = |path: &PathBuf| path.starts_with("ledger/payloads");
    for (path, bytes) in disk.snapshot().into_iter().filter(|(path, _)| is_payloads(path)) {
        for at in (0..bytes.len()).step_by(5) {
            let copy = disk.copy();
            copy.tamper(&path, |bytes| bytes[at] ^= 1 << (at % 8));
            let Ok((log, recovery)) = open(&copy) else {
                refused += 1;
                continue;
            };
            let place = format!("byte {at} of {}", path.display());
            // What was written behind the end is put away, and no record is lost.
            assert_eq!(log.next().number(), records(&stays), "{place}: {recovery:?}");
            for it in &doomed {
                assert!(
                    !matches!(log.reader().payload(it.scope, it.address), Ok(Some(_))),
                    "{place}"
                );
            }
            harmless += 1;
        }
    }
    assert!(refused > 100 && harmless > 100, "{refused} were refused, {harmless} were not");
}

fn records(batches: &[Batch]) -> u64 {
    batches.iter().map(|batch| batch.records.len() as u64).sum()
}

#[test]
fn without_an_index_or_with_a_wrong_one_all_is_erased() {
    let is_index = |path: &PathBuf| path.extension().is_some_and(|it| it == "index");
    let whole = SimulatedDisk::default();
    drop(written(&whole));
    let index = whole.snapshot().into_keys().find(is_index).unwrap();
    let length = whole.snapshot()[&index].len();
    for at in 0..=length {
        let disk = SimulatedDisk::default();
        let (log, stays, doomed) = written(&disk);
        drop(log);
        let disk = disk.copy();
        if at < length {
            disk.tamper(&index, |bytes| bytes[at] ^= 0xFF);
        } else {
            Disk::remove(&disk, &index).unwrap();
        }
        let (mut log, _) = open(&disk).unwrap();
        log.erase(&[GONE]).unwrap();
        assert!(is_erased(&*log.reader(), &stays, &doomed));
        assert!(!is_somewhere(&disk, &doomed));
    }
}

#[test]
fn a_payload_that_cannot_be_found_refuses_the_erasure_and_nothing_is_changed() {
    let disk = SimulatedDisk::default();
    let (mut log, stays, doomed) = written(&disk);
    // The first frame of the first segment says another name; its index leads there still.
    disk.tamper(Path::new("ledger/payloads/00000000000000000000.log"), |bytes| {
        let at = bytes.windows(16).position(|window| window == GONE.0).unwrap();
        bytes[at] ^= 1;
    });
    let before = disk.snapshot();
    assert!(matches!(log.erase(&[GONE]), Err(AppendError::Refused { .. })));
    assert_eq!(disk.snapshot(), before);
    let more = batch(log.next().number(), 1, true);
    log.append(&more).unwrap();
    assert!(stays.len() < doomed.len());
}

#[test]
fn whoever_reads_while_payloads_are_erased_finds_them_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = FileLog::open(dir.path(), &small()).unwrap();
    let kept = batch(0, 3, true);
    log.append(&kept).unwrap();
    let follower = FileReader::open(dir.path()).unwrap();
    let beside = log.reader();
    let rounds = 60_u64;
    let watch = |reader: &dyn Reader| {
        while reader.next().number() < 3 + rounds {
            for it in (0..rounds).flat_map(doomed) {
                let found = reader.payload(it.scope, it.address).unwrap();
                assert!(found.is_none_or(|found| found == it.bytes));
            }
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| watch(&follower));
        scope.spawn(|| watch(&*beside));
        for round in 0..rounds {
            let mut more = batch(log.next().number(), 1, false);
            more.payloads = doomed(round);
            log.append(&more).unwrap();
            log.erase(&[GONE]).unwrap();
        }
    });
    for reader in [&follower as &dyn Reader, &*beside] {
        for it in (0..rounds).flat_map(doomed) {
            assert_eq!(reader.payload(it.scope, it.address).unwrap(), None);
        }
    }
}
