//! Ledgers that are not what was signed last: the gateway does not go on with them.

use crate::disk::{copy, middle};
use crate::stage::{Ended, Stage, command, provider, run, setup};
use events::Event;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use tests::gateway::Gateway;
use tests::patience::until;

/// Starts the gateway of a stage, which must not come to listen; how it ended.
fn refused(stage: &Stage, more: &[&str]) -> Ended {
    let more: Vec<String> = more.iter().map(|word| (*word).to_owned()).collect();
    let mut child = command(&["serve"], &[&stage.here()[..], &more].concat()).spawn().unwrap();
    let status = until("the end of a start", || child.try_wait().unwrap());
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.unwrap().read_to_string(&mut out).unwrap();
    child.stderr.unwrap().read_to_string(&mut err).unwrap();
    Ended { code: status.code(), out, err }
}

/// A gateway that has said something, with a backup from before; it has stopped.
fn with_backup() -> (Stage, PathBuf) {
    let mut stage = Stage::start();
    stage.say("one", "a");
    stage.gateway.stop_and_check();
    let backup = stage.data().parent().unwrap().join("backup");
    copy(stage.data(), &backup);
    stage.gateway = stage.gateway.again();
    stage.say("two", "b");
    stage.gateway.stop_and_check();
    (stage, backup)
}

fn replace(stage: &Stage, backup: &Path, part: &str) {
    let there = stage.data().join(part);
    fs::remove_dir_all(&there).unwrap();
    copy(&backup.join(part), &there);
}

#[test]
fn a_ledger_that_was_rolled_back_to_an_older_copy_is_not_gone_on_with() {
    let (stage, backup) = with_backup();
    replace(&stage, &backup, "ledger");
    let ended = refused(&stage, &[]).with(74);
    assert!(ended.err.contains("rolled back") && ended.err.contains("restore"), "{}", ended.err);
    replace(&stage, &backup, "tlog");
    let ended = refused(&stage, &[]).with(74);
    assert!(ended.err.contains("rolled back"), "{}", ended.err);
    // Nor is the loss of a lock believed that is there.
    refused(&stage, &["--accept-lost-lock"]).with(74);
    // The lock alone is older: what was published is newer.
    let (stage, backup) = with_backup();
    replace(&stage, &backup, "lock");
    let ended = refused(&stage, &[]).with(74);
    assert!(ended.err.contains("the lock was rolled back"), "{}", ended.err);
}

#[test]
fn a_ledger_that_was_cut_or_altered_is_not_gone_on_with() {
    let (stage, backup) = with_backup();
    let events = stage.data().join("ledger/events");
    let segment = events.join(format!("{:020}.log", 0));
    let bytes = fs::read(&segment).unwrap();
    let mut altered = bytes.clone();
    let at = middle(&segment);
    *altered.get_mut(at).unwrap() ^= 1;
    fs::write(&segment, altered).unwrap();
    let ended = refused(&stage, &[]).with(74);
    assert!(ended.err.contains(segment.to_str().unwrap()), "{}", ended.err);
    fs::write(&segment, bytes.get(..at).unwrap()).unwrap();
    let ended = refused(&stage, &[]).with(74);
    assert!(ended.err.contains(segment.to_str().unwrap()), "{}", ended.err);
    // Records of another history, in form: the ledger of a gateway with the same keys.
    let other = stage.data().parent().unwrap().join("other");
    copy(&backup, &other);
    let mut forger = setup(&provider(), "").data(&other).start();
    for _ in 0..4 {
        crate::stage::say(forger.agents, tests::wire::AGENT_KEY, "two", "never happened");
    }
    forger.stop_and_check();
    replace(&stage, &other, "ledger");
    let ended = refused(&stage, &[]).with(74);
    assert!(ended.err.contains("altered"), "{}", ended.err);
}

fn last_start(gateway: &Gateway) -> bool {
    let records = gateway.records();
    let mut latest_first = records.events.iter().rev();
    let lost = latest_first.find_map(|envelope| {
        let Event::GatewayStarted(fact) = &envelope.event else { return None };
        Some(fact.lost_lock)
    });
    lost.unwrap()
}

#[test]
fn a_lock_that_was_lost_has_to_be_accepted_and_that_is_on_record() {
    for lost in [&["lock"][..], &["lock", "tlog"]] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let setup = || setup(&provider(), "").data(&data);
        let mut stage = Stage { gateway: setup().start() };
        stage.say("one", "a");
        stage.gateway.stop_and_check();
        assert!(!last_start(&stage.gateway));
        for part in lost {
            fs::remove_dir_all(stage.data().join(part)).unwrap();
        }
        let before = stage.gateway.records().events.len();
        let ended = refused(&stage, &[]).with(74);
        assert!(ended.err.contains("--accept-lost-lock"), "{}", ended.err);
        let words = ["erase", "--subject", "ada@example.com", "--basis", "law"];
        run(&words, &stage.here()).with(74);
        assert_eq!(stage.gateway.records().events.len(), before, "something was recorded");
        stage.gateway = setup().argument("--accept-lost-lock").start();
        assert!(last_start(&stage.gateway), "{lost:?}");
        stage.say("two", "b");
        stage.gateway.stop_and_check();
        stage.verify();
        // Said again it means nothing.
        stage.gateway = setup().argument("--accept-lost-lock").start();
        assert!(!last_start(&stage.gateway));
        stage.gateway.stop_and_check();
    }
}

#[test]
fn a_copy_of_a_data_folder_does_not_run_beside_the_original_with_the_same_lock() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock");
    let sections = format!("[checkpoints]\nlock = \"{}\"", lock.display());
    let mut stage = Stage::with(&sections);
    stage.say("one", "a");
    stage.gateway.stop_and_check();
    let copied = folder.path().join("copy");
    copy(stage.data(), &copied);
    let mut twin = Stage { gateway: setup(&provider(), &sections).data(&copied).start() };
    let ended = refused(&stage, &[]).with(74);
    assert!(ended.err.contains("held by another process"), "{}", ended.err);
    twin.say("two", "only here");
    twin.gateway.stop_and_check();
    // The copy is what was signed last; the original is an older one now.
    let ended = refused(&stage, &[]).with(74);
    assert!(ended.err.contains("rolled back"), "{}", ended.err);
}

#[test]
fn a_gateway_that_is_killed_right_after_its_first_start_starts_again() {
    for _ in 0..5 {
        let mut stage = Stage::start();
        stage.gateway.kill();
        stage.gateway = stage.gateway.again();
        stage.say("one", "a");
        stage.gateway.stop_and_check();
        stage.verify();
    }
}
