//! What a witness keeps, and that it does not start without it.

use std::fs;
use std::path::PathBuf;

use tests::witness::Witness;

use crate::log::Log;
use crate::protocol::{ORIGIN, assert_cosigned};

/// A witness that was stopped after it had cosigned five leaves.
fn stopped() -> (Log, Witness, PathBuf) {
    let log = Log::new(ORIGIN, "common");
    let mut witness = Witness::start(&[log.key()]);
    witness.ask(log.request(0, 5).to_string()).unwrap();
    witness.kill();
    let names = fs::read_dir(witness.kept()).unwrap().map(|entry| entry.unwrap().path());
    let kept = names.filter(|path| path.extension().is_some_and(|it| it == "checkpoint")).collect();
    let kept: Vec<_> = kept;
    let [path] = kept.as_slice() else { panic!("{kept:?}") };
    let path = path.clone();
    (log, witness, path)
}

#[test]
fn a_witness_that_is_started_again_is_the_same_and_knows_what_it_has_cosigned() {
    let (log, mut witness, _) = stopped();
    let key = witness.key.clone();
    witness.run().unwrap();
    assert_eq!(witness.key, key);
    assert_eq!(witness.ask(log.request(0, 6).to_string()).unwrap().body, b"5\n");
    let request = log.request(5, 6);
    assert_cosigned(&witness, request.note(), &witness.ask(request.to_string()).unwrap());
}

#[test]
fn a_witness_does_not_start_when_what_it_has_cosigned_cannot_be_read() {
    let (_, mut witness, path) = stopped();
    let whole = fs::read(&path).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let older = text.replace("\n5\n", "\n4\n");
    for wrong in [&b""[..], &whole[..whole.len() - 1], older.as_bytes(), &[0xff; 9]] {
        fs::write(&path, wrong).unwrap();
        let said = witness.run().unwrap_err();
        assert!(said.contains("does not say what was cosigned"), "{said}");
    }
    fs::write(&path, whole).unwrap();
    let other = path.with_file_name(format!("{}.checkpoint", "0".repeat(64)));
    fs::rename(&path, &other).unwrap();
    assert!(witness.run().unwrap_err().contains("which has another name"));
    fs::rename(&other, &path).unwrap();
    witness.run().unwrap();
}

#[test]
fn a_witness_that_lost_its_folder_or_its_key_does_not_begin_anew_by_itself() {
    let (_, mut witness, path) = stopped();
    let folder = path.parent().unwrap();
    let moved = folder.with_file_name("moved");
    fs::rename(folder, &moved).unwrap();
    let said = witness.run().unwrap_err();
    assert!(said.contains("is missing, where the witness keeps"), "{said}");
    fs::rename(&moved, folder).unwrap();
    let key = folder.with_file_name("keys").join("witness.key");
    fs::rename(&key, key.with_extension("moved")).unwrap();
    let said = witness.run().unwrap_err();
    assert!(said.contains("with which the checkpoints"), "{said}");
}

#[test]
fn two_processes_are_never_one_witness() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    let data = witness.kept();
    let mut second = Witness::start(&[log.key()]);
    second.kill();
    fs::remove_dir_all(second.kept()).unwrap();
    std::os::unix::fs::symlink(data, second.kept()).unwrap();
    let said = second.run().unwrap_err();
    assert!(said.contains("a witness runs once"), "{said}");
}
