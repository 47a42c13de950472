//! An export proves itself to other people's verifiers, without the log and without our code.

use std::fs;
use std::time::Duration;

use tests::gateway::{Setup, program};
use tests::standins::Standins;
use tests::verifiers::Verifiers;
use tests::wire::{ask, chat};

#[test]
fn others_accept_the_proof_of_every_exported_event_and_refuse_it_for_another() {
    let Some(verifiers) = Verifiers::find() else { return };
    let standins = Standins::start(Duration::ZERO);
    let gateway = Setup::new().provider("openai", &standins.provider_url(), "*").start();
    for _ in 0..2 {
        assert_eq!(ask(gateway.agents, chat("gpt-4o", "hello", false)).unwrap().status(), 200);
    }
    let scratch = tempfile::tempdir().unwrap();
    let out = scratch.path().join("evidence");
    let url = format!("http://{}", gateway.people);
    let exported = program().args(["export", "--url", &url, "--out"]).arg(&out).output().unwrap();
    assert!(exported.status.success(), "{exported:?}");

    let policy = fs::read_to_string(out.join("keys/policy")).unwrap();
    let vkey = policy.lines().find_map(|line| line.strip_prefix("log ")).unwrap();
    let events = fs::read(out.join("events/part-00000.jsonl")).unwrap();
    let events: Vec<&[u8]> =
        events.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    assert!(events.len() > 4, "{} events", events.len());
    let proof = |sequence: usize| out.join(format!("proofs/00000/{sequence:020}.tlog-proof"));
    let entry = scratch.path().join("entry");
    for (sequence, event) in events.iter().enumerate() {
        fs::write(&entry, event).unwrap();
        for said in verifiers.verify_proof(&proof(sequence), vkey, &entry) {
            said.unwrap();
        }
    }
    // The last event, with the proof of the one before.
    for said in verifiers.verify_proof(&proof(events.len() - 2), vkey, &entry) {
        said.unwrap_err();
    }
}
