//! Logs in directories: whole ones are verified, and what was done to others is named.

use crate::made::{Made, Tree, files_of, key, of, only, report, report_with, trust, witness};
use crate::made::{ORIGIN, write_log};
use std::fs;
use std::path::Path;
use tlog::{Checkpoint, Hash, SigningKey};
use verify::{Check, Outcome, Trust, read_policy};

fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn ok(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Ok(_))
}

#[test]
fn a_whole_log_of_any_size_is_verified() {
    for calls in [1, 2, 80, 90, 400] {
        let made = Made::whole(calls);
        let report = report(made.log().path());
        assert!(report.is_verified(), "{report}");
        for check in [Check::Records, Check::Tiles, Check::Calls, Check::Events, Check::Erasures] {
            assert!(ok(&report.outcome(check)), "{report}");
        }
        assert!(matches!(report.outcome(Check::Payloads), Outcome::NotChecked(_)), "{report}");
        assert_eq!(report.notes(), [], "{report}");
    }
}

#[test]
fn a_log_without_events_is_verified() {
    assert!(report(Made::default().log().path()).is_verified());
}

#[test]
fn an_altered_record_is_named_with_event_file_and_byte() {
    let made = Made::whole(200);
    let log = made.log();
    let bundle = log.path().join("tile/entries/001");
    let start: usize = made.events[256..300].iter().map(|event| event.len() + 2).sum::<usize>() + 2;
    // Within a digest, so that it stays an event.
    let text = fs::read(&bundle).unwrap();
    let at = start + text[start..].windows(8).position(|at| at == b"\"time\":\"").unwrap() + 11;
    flip(&bundle, at);
    let report = report(log.path());
    let found: Vec<_> = report.listed().iter().filter(|f| f.check == Check::Records).collect();
    assert_eq!(found[0].sequence, None, "the root: {report}");
    assert_eq!(found[1].sequence, Some(300), "{report}");
    let place = found[1].place.as_ref().unwrap();
    assert_eq!(&*place.file, bundle.to_str().unwrap());
    assert_eq!(place.byte, u64::try_from(start).ok());
    assert_eq!(found.len(), 2);
    assert!(ok(&report.outcome(Check::Tiles)), "{report}");
}

#[test]
fn an_altered_tile_of_any_level_is_named_with_its_byte() {
    let made = Made::whole(200);
    for (tile, byte, event) in [
        ("tile/0/000", 70, Some(2)),
        ("tile/0/002.p/94", 40, Some(513)),
        ("tile/1/000.p/2", 33, None),
    ] {
        let log = made.log();
        let path = log.path().join(tile);
        flip(&path, byte);
        let report = report(log.path());
        let finding = only(&report);
        assert_eq!((finding.check, finding.sequence), (Check::Tiles, event), "{report}");
        let place = finding.place.as_ref().unwrap();
        assert_eq!((&*place.file, place.byte), (path.to_str().unwrap(), u64::try_from(byte).ok()));
    }
}

#[test]
fn a_missing_short_or_long_file_is_named() {
    let made = Made::whole(200);
    for file in files_of(made.log().path()) {
        let relative =
            file.strip_prefix(file.ancestors().find(|up| up.join("tile").is_dir()).unwrap());
        let relative = relative.unwrap().to_owned();
        for what in ["missing", "short", "long", "empty"] {
            let log = made.log();
            let path = log.path().join(&relative);
            let mut bytes = fs::read(&path).unwrap();
            match what {
                "missing" => fs::remove_file(&path).unwrap(),
                "short" => fs::write(&path, &bytes[..bytes.len() - 1]).unwrap(),
                "long" => {
                    bytes.push(0);
                    fs::write(&path, bytes).unwrap();
                }
                _ => fs::write(&path, []).unwrap(),
            }
            let report = report(log.path());
            assert!(!report.is_verified(), "{what} {}", relative.display());
            let named = report.listed().iter().any(|finding| {
                finding.place.as_ref().is_some_and(|place| *place.file == *path.to_str().unwrap())
            });
            assert!(named, "{what} {}\n{report}", relative.display());
        }
    }
}

#[test]
fn a_log_is_compared_with_checkpoints_that_the_auditor_kept() {
    let made = Made::whole(200);
    let log = made.log();
    let known = |notes: &[&str]| Trust {
        known: notes.iter().map(|note| ("kept".into(), note.as_bytes().to_vec())).collect(),
        ..trust()
    };
    let early = Tree::new(&made.events[..100]).note().to_string();
    let same = made.tree().note().to_string();
    let empty = Tree::new(&[]).note().to_string();
    let fine = report_with(log.path(), &known(&[&early, &same, &empty]));
    assert!(fine.is_verified() && ok(&fine.outcome(Check::Known)), "{fine}");

    let other = Made::whole(7).tree().note().to_string();
    let forked = report_with(log.path(), &known(&[&early, &other]));
    assert!(only(&forked).detail.contains("are not those of this"), "{forked}");

    let mut longer = made.clone();
    longer.plain(crate::made::fact("gateway.started"));
    let later = longer.tree().note().to_string();
    let rolled = report_with(log.path(), &known(&[&later]));
    assert!(only(&rolled).detail.contains("rolled back"), "{rolled}");

    let stranger = SigningKey::from_seed(ORIGIN, &[9; 32]).unwrap();
    let unsigned = Checkpoint::new(ORIGIN, 3, Hash([0; 32])).unwrap().sign(&stranger).unwrap();
    let unsigned = report_with(log.path(), &known(&[&unsigned.to_string()]));
    assert_eq!(only(&unsigned).check, Check::Known, "{unsigned}");
}

#[test]
fn history_that_was_rewritten_whole_is_found_by_a_kept_checkpoint() {
    let made = Made::whole(100);
    let kept = Tree::new(&made.events[..200]).note().to_string();
    let mut rewritten = made;
    rewritten.events.remove(0);
    let log = tempfile::tempdir().unwrap();
    write_log(log.path(), &rewritten.events);
    let trust = Trust { known: vec![("kept".into(), kept.into_bytes())], ..trust() };
    let report = report_with(log.path(), &trust);
    assert_eq!(of(&report, Check::Known).check, Check::Known);
}

#[test]
fn a_checkpoint_of_another_key_is_refused() {
    let made = Made::whole(3);
    let log = made.log();
    let other = SigningKey::from_seed(ORIGIN, &[9; 32]).unwrap();
    let policy = read_policy(other.verifier().to_string().as_bytes()).unwrap();
    let report = report_with(log.path(), &Trust { policy: Some(policy), known: Vec::new() });
    assert_eq!(only(&report).check, Check::Signature, "{report}");
}

#[test]
fn a_key_beside_the_evidence_is_used_with_a_warning() {
    let made = Made::whole(3);
    let log = made.log();
    let nobody = report_with(log.path(), &Trust::default());
    assert_eq!(only(&nobody).check, Check::Signature, "{nobody}");
    fs::write(log.path().join("vkey"), format!("{}\n", key().verifier())).unwrap();
    let beside = report_with(log.path(), &Trust::default());
    assert!(beside.is_verified(), "{beside}");
    assert!(beside.remarks()[0].contains("came with the evidence"), "{beside}");
}

#[test]
fn a_quorum_of_witnesses_is_demanded() {
    let made = Made::whole(3);
    let log = made.log();
    let (log_key, witness_key) = (key(), witness());
    let policy =
        format!("log {}\nwitness w {}\nquorum w\n", log_key.verifier(), witness_key.verifier());
    let trust = Trust { policy: Some(read_policy(policy.as_bytes()).unwrap()), known: Vec::new() };
    let alone = report_with(log.path(), &trust);
    assert_eq!(only(&alone).check, Check::Witnesses, "{alone}");
    let mut note = made.tree().note();
    note.add(witness_key.sign(note.text(), 1_795_000_000).unwrap()).unwrap();
    fs::write(log.path().join("checkpoint"), note.to_string()).unwrap();
    let cosigned = report_with(log.path(), &trust);
    assert!(cosigned.is_verified() && ok(&cosigned.outcome(Check::Witnesses)), "{cosigned}");
}

#[test]
fn every_log_of_a_data_directory_is_verified() {
    let data = tempfile::tempdir().unwrap();
    for shard in ["countersign/0", "countersign/1"] {
        write_log(&data.path().join("tlog").join(shard), &Made::whole(3).events);
    }
    let subject = verify::Subject::find(data.path().to_str().unwrap()).unwrap();
    let reports = subject.verify(&trust(), &mut verify::Silent).unwrap();
    assert_eq!(reports.len(), 2);
    assert!(reports.iter().all(verify::Report::is_verified));
    assert!(reports[0].remarks().iter().any(|remark| remark.contains("countersign verify")));
}
