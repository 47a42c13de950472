//! `countersign verify`: what it looks at, what it prints, and beside a gateway that goes on.

use crate::stage::{ANSWER, Over, Stage, check, report, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tests::patience::until;
use tests::wire::look;

fn verify(data: &Path, more: &[&str]) -> crate::stage::Ended {
    run(&[&["verify", data.to_str().unwrap()][..], more].concat(), &[])
}

/// The checkpoint that is published, in a file.
fn checkpoint(stage: &Stage, name: &str) -> PathBuf {
    let path = stage.data().parent().unwrap().join(name);
    let published = || {
        let answer = look(stage.gateway.people, "/tlog/0/checkpoint").unwrap();
        (answer.status() == 200).then_some(answer.body)
    };
    fs::write(&path, until("a checkpoint", published)).unwrap();
    path
}

/// How much is said at the most, so that a slow machine has an end to verify.
const WORDS: usize = 400;

#[test]
fn a_ledger_verifies_again_and_again_while_its_gateway_records_and_erases() {
    let mut stage = Stage::start();
    stage.say("talk", "a");
    let known = checkpoint(&stage, "known");
    let (over, said) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for talker in 0..2 {
            let (stage, over, said) = (&stage, &over, &said);
            scope.spawn(move || {
                while !over.load(Ordering::Acquire) && said.load(Ordering::Acquire) < WORDS {
                    let word = said.fetch_add(1, Ordering::AcqRel);
                    stage.say(&format!("talk-{}", word % 7), &format!("{talker} says {word}"));
                }
            });
        }
        let (stage, over) = (&stage, &over);
        let _over = Over(over);
        scope.spawn(move || {
            let words = ["erase", "--subject", "ada@example.com", "--basis", "law"];
            while !over.load(Ordering::Acquire) {
                run(&words, &stage.there()).with(0);
            }
        });
        for _ in 0..8 {
            let enough = WORDS.min(said.load(Ordering::Acquire) + 10);
            until("more calls", || (enough <= said.load(Ordering::Acquire)).then_some(()));
            let ended = verify(stage.data(), &["--known", known.to_str().unwrap()]);
            let url = [stage.there()[1].clone() + "/tlog/0"];
            let over_http = run(&["verify"], &url);
            ended.with(0);
            over_http.with(0);
        }
    });
    stage.gateway.stop_and_check();
    stage.verify();
}

#[test]
fn a_log_that_does_not_go_on_from_a_known_checkpoint_is_a_finding() {
    let mut stage = Stage::start();
    stage.say("one", "a");
    let mut other = Stage::start();
    other.say("one", "a");
    let (known, foreign) = (checkpoint(&stage, "known"), checkpoint(&other, "known"));
    stage.gateway.stop_and_check();
    other.gateway.stop_and_check();
    let (known, foreign) = (known.to_str().unwrap(), foreign.to_str().unwrap());
    verify(stage.data(), &["--known", known]).with(0);
    let ended = verify(stage.data(), &["--known", known, "--known", foreign]).with(1);
    assert!(ended.out.contains(foreign), "{}", ended.out);
    verify(stage.data(), &["--known", "/nonexistent"]).with(74);
    let key = fs::read_to_string(stage.data().join("tlog/0/policy")).unwrap();
    let key = key.lines().next().unwrap().strip_prefix("log ").unwrap();
    verify(stage.data(), &["--key", key]).with(0);
    verify(other.data(), &["--key", key]).with(1);
    verify(stage.data(), &["--key", "no key"]).with(64);
}

#[test]
fn the_report_is_for_people_or_for_programs_and_payloads_may_be_left_unread() {
    let mut stage = Stage::start();
    stage.say("one", "a");
    stage.gateway.stop_and_check();
    let ended = verify(stage.data(), &[]).with(0);
    assert!(ended.err.is_empty(), "a line that moves, and no terminal: {:?}", ended.err);
    assert!(ended.out.contains("verified"), "{}", ended.out);
    assert!(!ended.out.contains(ANSWER) && !ended.out.contains('\u{1b}'), "{}", ended.out);
    let whole = report(&verify(stage.data(), &["--json"]).with(0));
    assert_eq!(whole.get("verified").unwrap(), true);
    assert_eq!(check(&whole, "payloads"), ("ok", "2 as committed to, 0 erased, 0 discarded"));
    let without = report(&verify(stage.data(), &["--json", "--no-payloads"]).with(0));
    assert_eq!(check(&without, "payloads").0, "not_checked");
    // Payloads that nobody could read are no reason to say that they are in order.
    let key = stage.data().join("keys/payloads.key");
    fs::rename(&key, stage.data().join("elsewhere")).unwrap();
    let ended = verify(stage.data(), &["--json"]).with(1);
    assert_eq!(check(&report(&ended), "payloads").0, "failed");
    verify(stage.data(), &["--no-payloads"]).with(0);
    verify(Path::new("/nonexistent"), &[]).with(74);
}
