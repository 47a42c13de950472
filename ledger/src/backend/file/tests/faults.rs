//! Disks that refuse: failed syncs, full disks, a second writer, options that cannot be.

use super::super::simulated::{Fault, SimulatedDisk};
use super::{DIR, open, script, small};
use crate::backend::file::filler::Workers;
use crate::backend::file::{FileLog, OpenError, Options};
use crate::conformance::{assert_holds, batch};
use crate::log::{AppendError, Batch, Log};
use std::io;
use std::path::Path;
use std::sync::Arc;

#[test]
fn a_failure_of_any_operation_poisons_or_changes_nothing() {
    let batches = script();
    let whole = SimulatedDisk::default();
    let (mut log, _) = open(&whole).unwrap();
    let opening = whole.operations();
    for batch in &batches {
        log.append(batch).unwrap();
    }
    let mut poisonings = 0;
    for operation in opening..whole.operations() {
        let disk = SimulatedDisk::default();
        let (mut log, _) = open(&disk).unwrap();
        disk.fail(operation - opening, Fault::Error(io::ErrorKind::Other));
        let acked = batches.iter().take_while(|batch| log.append(batch).is_ok()).count();
        if acked < batches.len() {
            poisonings += 1;
            let again = log.append(&batches[acked]);
            assert!(matches!(again, Err(AppendError::Poisoned { .. })));
        }
        assert_holds(&*log.reader(), &batches[..acked]);
    }
    assert!(poisonings > 30);
}

#[test]
fn a_full_disk_refuses_batches_until_there_is_room() {
    let disk = SimulatedDisk::default();
    let (mut log, _) = open(&disk).unwrap();
    let mut batches: Vec<Batch> = Vec::new();
    for extra in 0..12_000 {
        let next = log.next().number();
        disk.limit_room(Some(disk.used() + extra % 4000));
        let more = batch(next, 4, true);
        match log.append(&more) {
            Ok(()) => batches.push(more),
            Err(AppendError::Full { .. }) => {
                assert_holds(&*log.reader(), &batches);
                disk.limit_room(None);
                log.append(&more).unwrap();
                batches.push(more);
            }
            Err(error) => panic!("{error}"),
        }
        if batches.len() == 60 {
            break;
        }
    }
    drop(log);
    assert_holds(&*open(&disk).unwrap().0.reader(), &batches);
}

#[test]
fn a_second_writer_is_told_who_has_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = FileLog::open(dir.path(), &small()).unwrap();
    let error = FileLog::open(dir.path(), &small()).err().unwrap().to_string();
    assert!(error.contains(&format!("pid {}", std::process::id())), "{error}");
    drop(log);
    FileLog::open(dir.path(), &small()).unwrap();
}

#[test]
fn a_log_is_not_opened_as_another_shard() {
    let disk = SimulatedDisk::default();
    drop(open(&disk).unwrap());
    let other = Options { shard: "1".to_owned(), ..small() };
    let log = FileLog::open_on(Arc::new(disk), Path::new(DIR), &other, Workers::Inline);
    assert!(matches!(log, Err(OpenError::OtherShard { .. })));
}

#[test]
fn impossible_options_are_refused() {
    let open = |options: &Options| {
        let disk = Arc::new(SimulatedDisk::default());
        FileLog::open_on(disk, Path::new(DIR), options, Workers::Inline).map(drop)
    };
    for shard in ["", "a name with more than thirty-two bytes", "a\0b"] {
        let options = Options { shard: shard.to_owned(), ..small() };
        assert!(matches!(open(&options), Err(OpenError::Options { .. })), "{shard:?}");
    }
    let options = Options { dictionary_bytes: 65 * 1024, ..small() };
    assert!(matches!(open(&options), Err(OpenError::Options { .. })));
}

#[test]
fn a_batch_larger_than_a_segment_is_kept() {
    let disk = SimulatedDisk::default();
    let (mut log, _) = open(&disk).unwrap();
    let mut large = batch(0, 200, true);
    large.payloads.push(crate::conformance::payload(5000, 10_000));
    log.append(&large).unwrap();
    let after = batch(200, 1, true);
    log.append(&after).unwrap();
    drop(log);
    assert_holds(&*open(&disk).unwrap().0.reader(), &[large, after]);
}

#[test]
fn what_was_cut_is_kept_with_its_digest() {
    use sha2::{Digest, Sha256};
    let disk = SimulatedDisk::default();
    let (mut log, _) = open(&disk).unwrap();
    log.append(&batch(0, 1, false)).unwrap();
    disk.fail(1, Fault::Off);
    // Digests do not compress, so the batch takes several sectors, of which the crash leaves half.
    let digests = (0_u32..40).map(|number| Sha256::digest(number.to_le_bytes()));
    let record: Vec<u8> = digests.flat_map(|digest| digest.to_vec()).collect();
    let records = vec![record.into()];
    assert!(log.append(&Batch { records, payloads: Vec::new() }).is_err());
    drop(log);
    let torn = disk.crash(super::super::simulated::Crash::Prefix);
    let (log, recovery) = open(&torn).unwrap();
    assert_eq!(log.next().number(), 1);
    let cut = &recovery.cuts[0];
    let kept = &torn.snapshot()[&cut.kept_in];
    assert_eq!(kept.len() as u64, cut.bytes);
    assert_eq!(cut.sha256, <[u8; 32]>::from(Sha256::digest(kept)));
    assert!(kept.iter().any(|byte| *byte != 0));
}
