//! Every moment at which the machine may go off, and every state in which the disk may be then.

use super::super::simulated::{Crash, Fault, SimulatedDisk};
use super::{open, script};
use crate::conformance::{assert_holds, batch};
use crate::log::{Batch, Log};

const SEEDS: u64 = 12;

fn crashes() -> impl Iterator<Item = Crash> {
    [Crash::Nothing, Crash::All, Crash::Prefix].into_iter().chain((0..SEEDS).map(Crash::Some))
}

/// Appends until the machine is off; how many batches were acknowledged, and how many tried.
fn write_until_off(disk: &SimulatedDisk, batches: &[Batch]) -> (usize, usize) {
    let Ok((mut log, _)) = open(disk) else { return (0, 0) };
    for (index, batch) in batches.iter().enumerate() {
        if log.append(batch).is_err() {
            return (index, index + 1);
        }
    }
    (batches.len(), batches.len())
}

/// Opens what a crash left: all that was acknowledged has to be there, and nothing but whole
/// batches in order. Returns how many.
fn check_recovered(
    disk: &SimulatedDisk,
    batches: &[Batch],
    (acked, tried): (usize, usize),
) -> usize {
    let (log, _) = open(disk).unwrap_or_else(|error| panic!("it does not open: {error}"));
    let next = log.next().number();
    let counts = batches.iter().scan(0, |sum, batch| {
        *sum += batch.records.len() as u64;
        Some(*sum)
    });
    let held = counts.take_while(|count| *count <= next).count();
    assert!((acked..=tried).contains(&held), "{held} batches, {acked} acknowledged, {tried} tried");
    assert_holds(&*log.reader(), &batches[..held]);
    held
}

/// Goes on after a recovery with other batches, through another crash.
fn check_goes_on(disk: &SimulatedDisk, batches: &[Batch]) {
    let mut batches = batches.to_vec();
    let (mut log, recovery) = open(disk).unwrap();
    assert!(recovery.cuts.is_empty(), "the second recovery found something to cut");
    for count in [3, 1] {
        batches.push(batch(log.next().number() + 1000, count, true));
        log.append(batches.last().unwrap()).unwrap();
    }
    let after = disk.crash(Crash::Nothing);
    let (log, recovery) = open(&after).unwrap();
    assert!(recovery.cuts.is_empty());
    assert_holds(&*log.reader(), &batches);
}

#[test]
fn a_crash_at_any_operation_loses_nothing_acknowledged() {
    let batches = script();
    let whole = SimulatedDisk::default();
    write_until_off(&whole, &batches);
    assert!(whole.operations() > 60, "the script is too short to roll segments");
    let mut torn = 0;
    for operation in 0..whole.operations() {
        let disk = SimulatedDisk::default();
        disk.fail(operation, Fault::Off);
        let acked = write_until_off(&disk, &batches);
        for crash in crashes() {
            let after = disk.crash(crash);
            let held = check_recovered(&after, &batches, acked);
            let kept = after.snapshot().keys().any(|path| path.starts_with("ledger/quarantine"));
            torn += u32::from(kept);
            check_goes_on(&after, &batches[..held]);
        }
    }
    assert!(torn > 50, "only {torn} crashes left a torn batch");
}

#[test]
fn a_crash_during_recovery_loses_nothing_acknowledged() {
    let batches = script();
    let whole = SimulatedDisk::default();
    write_until_off(&whole, &batches);
    for operation in (0..whole.operations()).step_by(3) {
        let disk = SimulatedDisk::default();
        disk.fail(operation, Fault::Off);
        let acked = write_until_off(&disk, &batches);
        for seed in 0..3 {
            let torn = disk.crash(Crash::Some(seed));
            let probe = torn.copy();
            check_recovered(&probe, &batches, acked);
            for step in 0..probe.operations() {
                crash_recovery_at(step, &torn, &batches, acked);
            }
        }
    }
}

fn crash_recovery_at(step: u64, torn: &SimulatedDisk, batches: &[Batch], acked: (usize, usize)) {
    let again = torn.copy();
    again.fail(step, Fault::Off);
    drop(open(&again));
    for crash in [Crash::Nothing, Crash::All, Crash::Prefix, Crash::Some(step)] {
        check_recovered(&again.crash(crash), batches, acked);
    }
}

#[test]
fn what_a_reader_saw_after_a_failed_sync_is_made_durable_by_recovery() {
    let batches = script();
    let whole = SimulatedDisk::default();
    write_until_off(&whole, &batches);
    for operation in 0..whole.operations() {
        let disk = SimulatedDisk::default();
        disk.fail(operation, Fault::Error(std::io::ErrorKind::Other));
        let acked = write_until_off(&disk, &batches);
        // The process starts again, the page cache lives on; what it holds counts as clean.
        let held = check_recovered(&disk, &batches, acked);
        check_recovered(&disk.crash(Crash::Nothing), &batches, (held, held));
    }
}

#[test]
fn an_append_waits_for_one_sync_and_loses_nothing() {
    let disk = SimulatedDisk::default();
    let (mut log, _) = open(&disk).unwrap();
    let mut batches = vec![batch(0, 1, true)];
    log.append(&batches[0]).unwrap();
    for with_payloads in [true, false, true] {
        let more = batch(log.next().number(), 1, with_payloads);
        let before = disk.syncs();
        log.append(&more).unwrap();
        assert_eq!(disk.syncs() - before, 1);
        batches.push(more);
        check_recovered(&disk.crash(Crash::Nothing), &batches, (batches.len(), batches.len()));
    }
}
