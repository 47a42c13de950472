//! Readers in another process: they see what is committed, and nothing of what is not.

use super::super::reader::FileReader;
use super::super::simulated::{Crash, Fault, SimulatedDisk};
use super::{DIR, open, script, small};
use crate::backend::file::{FileLog, OpenError};
use crate::conformance::{assert_holds, batch};
use crate::log::{Log, Reader};
use std::path::Path;
use std::sync::Arc;

fn follow(disk: &SimulatedDisk) -> Result<FileReader, OpenError> {
    FileReader::open_on(Arc::new(disk.clone()), Path::new(DIR))
}

#[test]
fn a_follower_sees_each_batch_once_it_is_committed() {
    let disk = SimulatedDisk::default();
    assert!(matches!(follow(&disk), Err(OpenError::NoLog { .. })));
    let (mut log, _) = open(&disk).unwrap();
    let early = follow(&disk).unwrap();
    let batches = script();
    for held in 0..batches.len() {
        assert_holds(&early, &batches[..held]);
        assert_holds(&follow(&disk).unwrap(), &batches[..held]);
        log.append(&batches[held]).unwrap();
    }
    assert_holds(&early, &batches);
    assert_holds(&follow(&disk).unwrap(), &batches);
}

#[test]
fn what_a_follower_saw_survives_a_crash() {
    let mut early = 0;
    let batches = script();
    let whole = SimulatedDisk::default();
    let (mut log, _) = open(&whole).unwrap();
    let opening = whole.operations();
    for batch in &batches {
        log.append(batch).unwrap();
    }
    for operation in opening..whole.operations() {
        let disk = SimulatedDisk::default();
        let (mut log, _) = open(&disk).unwrap();
        disk.fail(operation - opening, Fault::Killed);
        for batch in &batches {
            if log.append(batch).is_err() {
                break;
            }
        }
        let seen = follow(&disk).unwrap().next().number();
        early += u32::from(seen > log.next().number());
        let (log, _) = open(&disk.crash(Crash::Nothing)).unwrap();
        let next = log.next().number();
        assert!(next >= seen, "{next} records are left, {seen} were seen");
    }
    assert!(early > 3, "only {early} times there was a batch that the writer had not synced");
}

#[test]
fn a_follower_sees_all_that_was_acknowledged_wherever_its_writer_was_killed() {
    let batches = script();
    let mut killed = 0;
    for operation in 0.. {
        let disk = SimulatedDisk::default();
        let (mut log, _) = open(&disk).unwrap();
        disk.fail(operation, Fault::Killed);
        let failed = batches.iter().find_map(|batch| log.append(batch).err());
        let acknowledged = log.next();
        let see = || follow(&disk.copy()).unwrap().next();
        assert!(see() >= acknowledged, "killed at {operation}: {} of {acknowledged}", see());
        if failed.is_none() {
            break;
        }
        drop(log);
        // While it recovers, too: each time a little later.
        for later in 0.. {
            disk.fail(later, Fault::Killed);
            let opened = open(&disk).is_ok();
            assert!(see() >= acknowledged, "killed at {later} of its recovery: {}", see());
            if opened {
                break;
            }
            killed += 1;
        }
    }
    assert!(killed > 20, "only {killed} kills");
}

#[test]
fn a_follower_of_a_log_with_a_broken_payload_sees_what_stands_before_it() {
    let disk = SimulatedDisk::default();
    let (mut log, _) = open(&disk).unwrap();
    let batches: Vec<_> = (0..4).map(|first| batch(first, 1, true)).collect();
    let path = Path::new(DIR).join("payloads/00000000000000000000.log");
    let mut ends = Vec::new();
    for batch in &batches {
        log.append(batch).unwrap();
        let bytes = disk.snapshot()[&path].clone();
        ends.push(bytes.iter().rposition(|byte| *byte != 0).unwrap());
    }
    for (held, end) in ends.into_iter().enumerate() {
        let broken = disk.copy();
        broken.tamper(&path, |bytes| bytes[end] ^= 1);
        assert_holds(&follow(&broken).unwrap(), &batches[..held]);
    }
}

#[test]
fn readers_and_followers_keep_up_with_a_busy_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = FileLog::open(dir.path(), &small()).unwrap();
    let follower = FileReader::open(dir.path()).unwrap();
    let beside = log.reader();
    let last = 600;
    let watch = |reader: &dyn Reader| {
        let mut seen = 0;
        while seen < last {
            let next = reader.next();
            let some = reader.read(crate::Sequence::new(seen), 500).unwrap();
            assert!(seen + some.len() as u64 >= next.number().min(seen + 1));
            for record in some {
                assert_eq!(record, crate::conformance::record(seen));
                let payload = crate::conformance::payload(seen, 300);
                let kept = reader.payload(payload.scope, payload.address).unwrap();
                assert_eq!(kept, Some(payload.bytes));
                seen += 1;
            }
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| watch(&follower));
        scope.spawn(|| watch(&*beside));
        for first in (0..last).step_by(3) {
            log.append(&batch(first, 3, true)).unwrap();
        }
    });
}
