//! A gateway with witnesses: what it publishes, and that calls go on when it cannot.

use std::os::unix::fs::OpenOptionsExt as _;

use tests::gateway::{Gateway, Setup};
use tests::patience::until;
use tests::upstream::{Upstream, completion};
use tests::wire::{ask, chat, look};
use tests::witness::Witness;
use tlog::{Note, Policy, private_key_text};

use crate::log::Log;
use crate::protocol::ORIGIN;

/// What somebody who relies on the log demands: two of these three.
fn policy(log: &Log, witnesses: &[Witness; 3]) -> Policy {
    let [one, two, three] = witnesses.each_ref().map(|witness| witness.key.as_str());
    let text = format!(
        "log {}\nwitness one {one}\nwitness two {two}\nwitness three {three}\n\
         group all 2 one two three\nquorum all\n",
        log.key()
    );
    Policy::parse(text.as_bytes()).unwrap()
}

/// The size of the checkpoint that is published, which this policy must accept, and who cosigned.
fn published(gateway: &Gateway, policy: &Policy) -> Option<(u64, Vec<String>)> {
    let answer = look(gateway.people, "/tlog/0/checkpoint").unwrap();
    if answer.status() == 404 {
        return None;
    }
    let accepted = policy.check(&Note::parse(&answer.body).unwrap()).unwrap();
    let names = accepted.cosigned_by.into_iter().map(|(name, _)| name).collect();
    Some((accepted.checkpoint.size, names))
}

/// Waits until everything on record is covered by a checkpoint that these cosigned, at least.
fn covered(gateway: &Gateway, policy: &Policy, by: &[&str]) -> u64 {
    until("a checkpoint over everything", || {
        let (size, names) = published(gateway, policy)?;
        let count = gateway.records().events.len();
        let all = by.iter().all(|name| names.iter().any(|found| found == name));
        (size == count as u64 && all).then_some(size)
    })
}

fn readiness(gateway: &Gateway) -> (u16, String) {
    let answer = look(gateway.people, "/readyz").unwrap();
    (answer.status(), String::from_utf8_lossy(&answer.body).into_owned())
}

#[test]
fn a_checkpoint_is_published_when_enough_witnesses_cosigned_it_and_calls_go_on_meanwhile() {
    let log = Log::new(ORIGIN, "common");
    let mut witnesses = [(); 3].map(|()| Witness::start(&[log.key()]));
    let policy = policy(&log, &witnesses);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("log.key");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&key).unwrap();
    let text = private_key_text(ORIGIN, &[7; 32]).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    let [one, two, three] = &witnesses;
    let sections = format!(
        "[checkpoints]\norigin = \"{ORIGIN}\"\nkey = {{ file = \"{}\" }}\ninterval = \"20ms\"\n\
         witnesses_needed = 2\n{}{}{}",
        key.display(),
        one.section("one"),
        two.section("two"),
        three.section("three")
    );
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("yes")));
    let setup = Setup::new().provider("openai", &upstream.url(), "*").sections(&sections);
    let mut gateway = setup.start();
    let call = |gateway: &Gateway| {
        let answer = ask(gateway.agents, chat("gpt", "well?", false)).unwrap();
        assert_eq!(answer.status(), 200);
    };
    call(&gateway);
    covered(&gateway, &policy, &["one", "two", "three"]);
    witnesses[0].kill();
    call(&gateway);
    let before = covered(&gateway, &policy, &["two", "three"]);
    witnesses[1].kill();
    call(&gateway);
    until("a word about the witnesses", || {
        let (status, said) = readiness(&gateway);
        let told = ["has 1: ", "one: ", "two: "].iter().all(|part| said.contains(part));
        (status == 200 && told).then_some(())
    });
    assert_eq!(published(&gateway, &policy).unwrap().0, before);
    // Neither is a gateway that is started anew without them more than late.
    assert!(gateway.stop().success());
    gateway = gateway.again();
    call(&gateway);
    assert_eq!(published(&gateway, &policy).unwrap().0, before);
    witnesses[1].run().unwrap();
    assert!(covered(&gateway, &policy, &["two", "three"]) > before);
    until("no word about witnesses", || (readiness(&gateway).1 == "ready\n").then_some(()));
    witnesses[0].run().unwrap();
    until("a checkpoint by all three", || {
        call(&gateway);
        let (_, names) = published(&gateway, &policy)?;
        (names.len() == 3).then_some(())
    });
}
