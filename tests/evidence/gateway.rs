//! What a gateway has sealed is, for others, a log as any other.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use tests::gateway::Setup;
use tests::patience::until;
use tests::standins::Standins;
use tests::verifiers::Verifiers;
use tests::wire::{ask, chat, look};

use crate::foreign::check;
use crate::tampering::entries;

/// Four events each, so that there is more than one full tile.
const CALLS: usize = 150;

fn call(agents: SocketAddr, calls: usize) {
    for _ in 0..calls {
        assert_eq!(ask(agents, chat("gpt-4o", "hello", false)).unwrap().status(), 200);
    }
}

/// What is served below the gateway's log.
fn served(people: SocketAddr, path: &str) -> Option<Vec<u8>> {
    let answer = look(people, &format!("/tlog/0/{path}")).unwrap();
    (answer.status() == 200).then_some(answer.body)
}

#[test]
fn others_accept_what_a_gateway_has_sealed_and_refuse_it_after_any_tampering() {
    let Some(verifiers) = Verifiers::find() else { return };
    let standins = Standins::start(Duration::ZERO);
    let mut gateway = Setup::new().provider("openai", &standins.provider_url(), "*").start();
    let people = gateway.people;
    let vkey = String::from_utf8(served(people, "key").unwrap()).unwrap();
    let vkey = vkey.trim_end();
    let scratch = tempfile::tempdir().unwrap();
    let known = scratch.path().join("known");
    call(gateway.agents, CALLS / 2);
    fs::write(&known, until("a checkpoint", || served(people, "checkpoint"))).unwrap();
    call(gateway.agents, CALLS / 2);

    // The receipt of one event, which makes a checkpoint that covers it.
    let proof = scratch.path().join("proof");
    fs::write(&proof, served(people, "proof/260").unwrap()).unwrap();

    gateway.stop_and_check();
    let folder = gateway.data.join("tlog/0");
    let events = entries(&folder);
    assert!(events.len() > 256, "{} events", events.len());
    let entry = scratch.path().join("entry");
    fs::write(&entry, events.get(260).unwrap()).unwrap();
    for said in verifiers.verify_proof(&proof, vkey, &entry) {
        said.unwrap();
    }
    check(&verifiers, &folder, vkey, &[known]);
}
