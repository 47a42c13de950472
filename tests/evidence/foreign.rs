//! Verifiers that other people wrote accept a log and its proofs, and refuse everything else.

use std::fs;
use std::path::{Path, PathBuf};

use tests::verifiers::{Said, Verifiers};
use tlog::{CosigningKey, SigningKey, TlogProof, inclusion_proof};

use crate::sealed::{Growing, Sealed, events, key};
use crate::tampering::{
    Tampering, edited_bundles, edited_logs, entries, flips, forged, lengths, rewritten,
};

/// Everything that can be asked of a log from the outside: that it is accepted, that it goes on
/// from known checkpoints, and that each tampering is refused.
pub(crate) fn check(verifiers: &Verifiers, folder: &Path, vkey: &str, known: &[PathBuf]) {
    assert_accepted(verifiers, folder, vkey, known);
    let mut tried = 0;
    for tampering in [flips, lengths, edited_bundles, edited_logs].iter().flat_map(|f| f(folder)) {
        assert_refused(verifiers, folder, vkey, &tampering);
        tried += 1;
    }
    println!("{tried} ways of tampering are refused");
    check_rollback(verifiers, folder, vkey, known);
    assert_accepted(verifiers, folder, vkey, known);
}

/// A log put back to an older checkpoint is refused by who knows a newer one.
fn check_rollback(verifiers: &Verifiers, folder: &Path, vkey: &str, known: &[PathBuf]) {
    for older in known {
        for (_, informed) in rolled_back(verifiers, folder, vkey, older) {
            assert!(informed.is_err(), "accepted {}: {informed:?}", older.display());
        }
    }
}

/// What others say of a log that was put back to an older checkpoint: without knowing a newer one,
/// and with.
fn rolled_back(
    verifiers: &Verifiers,
    folder: &Path,
    vkey: &str,
    older: &Path,
) -> impl Iterator<Item = (Said, Said)> {
    let scratch = tempfile::tempdir().unwrap();
    let newest = scratch.path().join("newest");
    fs::copy(folder.join("checkpoint"), &newest).unwrap();
    let undo = Tampering::checkpoint("rolled back", fs::read(older).unwrap()).apply(folder);
    let alone = verifiers.verify_log(folder, vkey, &[]);
    let informed = verifiers.verify_log(folder, vkey, &[newest]);
    drop(undo.apply(folder));
    alone.into_iter().zip(informed)
}

fn assert_accepted(verifiers: &Verifiers, folder: &Path, vkey: &str, known: &[PathBuf]) {
    for said in verifiers.verify_log(folder, vkey, known) {
        let said = said.unwrap();
        let consistent = said.lines().filter(|line| line.starts_with("consistency: ")).count();
        assert_eq!(consistent, known.len(), "{said}");
    }
}

fn assert_refused(verifiers: &Verifiers, folder: &Path, vkey: &str, tampering: &Tampering) {
    let undo = tampering.apply(folder);
    let said = verifiers.verify_log(folder, vkey, &[]);
    drop(undo.apply(folder));
    for said in said {
        assert!(said.is_err(), "accepted {}: {said:?}", tampering.what);
    }
}

fn assert_reason(said: &Said, reason: &str) {
    assert!(said.as_ref().is_err_and(|said| said.contains(reason)), "{said:?} is not {reason}");
}

/// The log rewritten from the middle on, tiles and all, and signed with this key.
fn fork(folder: &Path, key: &SigningKey) -> Tampering {
    let mut events = entries(folder);
    let middle = events.len() / 2;
    *events.get_mut(middle).unwrap() = forged();
    let forked = Growing::of(&events);
    rewritten(folder, "a fork", &forked.files).and_checkpoint(forked.checkpoint(key).to_string())
}

#[test]
fn others_accept_a_log_and_refuse_it_after_any_tampering() {
    let Some(verifiers) = Verifiers::find() else { return };
    // Three levels of tiles; the checkpoints end on every kind of edge.
    let log = Sealed::of(&events(70_000), &[1, 256, 1_000, 65_536, 69_900]);
    check(&verifiers, &log.folder(), &Sealed::vkey(), &log.known);
}

#[test]
fn others_accept_logs_of_awkward_sizes() {
    let Some(verifiers) = Verifiers::find() else { return };
    let events = events(513);
    for size in [0, 1, 2, 255, 256, 257, 512, 513] {
        let log = Sealed::of(events.get(..size).unwrap(), &[0, 1, 255, 256, 257]);
        assert_accepted(&verifiers, &log.folder(), &Sealed::vkey(), &log.known);
    }
}

#[test]
fn a_log_put_back_to_an_older_checkpoint_is_refused_by_who_knows_a_newer_one() {
    let Some(verifiers) = Verifiers::find() else { return };
    let log = Sealed::of(&events(1_000), &[300, 900]);
    for older in &log.known {
        for (alone, informed) in rolled_back(&verifiers, &log.folder(), &Sealed::vkey(), older) {
            // In itself it is in order, so a newer checkpoint is all that tells.
            alone.unwrap();
            assert_reason(&informed, "consistency");
        }
    }
}

#[test]
fn a_fork_signed_by_the_log_itself_is_refused_by_who_knows_a_checkpoint() {
    let Some(verifiers) = Verifiers::find() else { return };
    let log = Sealed::of(&events(3_000), &[1_000, 2_000]);
    let (folder, vkey) = (log.folder(), Sealed::vkey());
    drop(fork(&folder, &key(0)).apply(&folder));
    let [before, after] = log.known.as_slice() else { panic!("{:?}", log.known) };
    // Nobody can see it in the log alone, nor by what was signed before it forked.
    assert_accepted(&verifiers, &folder, &vkey, std::slice::from_ref(before));
    for said in verifiers.verify_log(&folder, &vkey, std::slice::from_ref(after)) {
        assert_reason(&said, "consistency");
    }
}

#[test]
fn another_key_under_the_name_of_the_log_is_refused() {
    let Some(verifiers) = Verifiers::find() else { return };
    let log = Sealed::of(&events(300), &[]);
    let folder = log.folder();
    drop(fork(&folder, &key(1)).apply(&folder));
    for said in verifiers.verify_log(&folder, &Sealed::vkey(), &[]) {
        assert_reason(&said, "signature");
    }
}

/// A proof and an entry in files, as others are given them.
fn verify_proof(verifiers: &Verifiers, proof: impl AsRef<[u8]>, entry: &[u8]) -> [Said; 2] {
    let scratch = tempfile::tempdir().unwrap();
    let (proof_path, entry_path) = (scratch.path().join("proof"), scratch.path().join("entry"));
    fs::write(&proof_path, proof).unwrap();
    fs::write(&entry_path, entry).unwrap();
    verifiers.verify_proof(&proof_path, &Sealed::vkey(), &entry_path)
}

#[test]
fn others_accept_a_proof_of_every_kind_of_event_and_refuse_it_for_any_other() {
    let Some(verifiers) = Verifiers::find() else { return };
    let events = events(1_000);
    let log = Growing::of(&events);
    let size = u64::try_from(events.len()).unwrap();
    let witness = CosigningKey::from_seed("witness.example.com/w", &[9; 32]).unwrap();
    for (index, pair) in (0..size).zip(events.windows(2)).step_by(61) {
        let hashes = inclusion_proof(&log, index, size).unwrap();
        let mut checkpoint = log.checkpoint(&key(0));
        // A line that they do not know takes nothing away.
        checkpoint.add(witness.sign(checkpoint.text(), 1_795_000_000).unwrap()).unwrap();
        let extra = (index % 2 == 0).then(|| b"for people".to_vec());
        let proof = TlogProof { extra, index, hashes, checkpoint };
        let [entry, other] = pair else { panic!("not a pair") };
        for said in verify_proof(&verifiers, proof.to_string(), entry) {
            said.unwrap();
        }
        if index % 4 == 0 {
            for said in verify_proof(&verifiers, proof.to_string(), other) {
                assert_reason(&said, "inclusion");
            }
        }
    }
}

#[test]
fn others_refuse_a_proof_after_any_tampering() {
    let Some(verifiers) = Verifiers::find() else { return };
    let events = events(1_000);
    let log = Growing::of(&events);
    let hashes = inclusion_proof(&log, 500, 1_000).unwrap();
    let proof = TlogProof { extra: None, index: 500, hashes, checkpoint: log.checkpoint(&key(0)) };
    let (proof, entry) = (proof.to_string(), events.get(500).unwrap());
    let count = proof.lines().count();
    for line in 0..count {
        let without: Vec<&str> =
            proof.lines().enumerate().filter(|(at, _)| *at != line).map(|(_, line)| line).collect();
        for said in verify_proof(&verifiers, without.join("\n") + "\n", entry) {
            assert!(said.is_err(), "accepted without line {line}: {said:?}");
        }
    }
    // The last digit of the signature has bits that say nothing, and some readers ignore them.
    let last_digit = proof.len() - "=\n".len() - 1;
    for place in (0..proof.len()).step_by(31).filter(|place| *place != last_digit) {
        let mut flipped = proof.clone().into_bytes();
        *flipped.get_mut(place).unwrap() ^= 1;
        for said in verify_proof(&verifiers, flipped, entry) {
            assert!(said.is_err(), "accepted a flipped bit in byte {place}: {said:?}");
        }
    }
}
