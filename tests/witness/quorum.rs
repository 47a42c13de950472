//! A gateway's side: which witnesses must cosign, and what is said of those that do not.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use ledger::Cosigner as _;
use proxy::config::{Config, look_up};
use proxy::witness::Witnesses;
use tempfile::TempDir;
use tests::witness::Witness;
use tlog::{CosigningKey, Note, verify_cosignature};

use crate::log::Log;
use crate::protocol::ORIGIN;

/// The client of a gateway whose configuration has these sections.
pub(crate) struct Client {
    witnesses: Witnesses,
    folder: TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    pub(crate) fn new(needed: usize, sections: &[String]) -> Self {
        let text = format!("[checkpoints]\nwitnesses_needed = {needed}\n{}", sections.concat());
        let loaded = Config::parse(&text, Path::new("countersign.toml"), &look_up);
        let config = loaded.unwrap_or_else(|problems| panic!("{problems}")).config;
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let witnesses = runtime.block_on(async { Witnesses::new(&config) }).unwrap().unwrap();
        Self { witnesses, folder: tempfile::tempdir().unwrap(), runtime }
    }

    pub(crate) fn cosign(&self, log: &Log, size: u64) -> Result<Note, String> {
        let (signed, files) = log.sealed(size, self.folder.path());
        self.runtime.block_on(self.witnesses.cosign(&signed, &files))
    }
}

fn has_cosigned(note: &Note, witness: &Witness) -> bool {
    verify_cosignature(note, &witness.key.parse().unwrap()).is_ok()
}

/// A witness that takes connections and never answers, and its section.
fn silent(name: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let key = CosigningKey::from_seed(name, &[5; 32]).unwrap().verifier().to_string();
    (
        listener,
        format!("[[witness]]\nname = \"{name}\"\nurl = \"http://{address}\"\nkey = \"{key}\"\n"),
    )
}

#[test]
fn two_of_three_witnesses_are_enough_and_less_are_not_and_it_is_said_who_failed() {
    let log = Log::new(ORIGIN, "common");
    let [one, mut two, mut three] = [(); 3].map(|()| Witness::start(&[log.key()]));
    let sections = [one.section("one"), two.section("two"), three.section("three")];
    let client = Client::new(2, &sections);
    let note = client.cosign(&log, 3).unwrap();
    assert!([&one, &two, &three].iter().all(|witness| has_cosigned(&note, witness)));
    three.kill();
    let note = client.cosign(&log, 5).unwrap();
    assert!(has_cosigned(&note, &one) && has_cosigned(&note, &two) && !has_cosigned(&note, &three));
    two.kill();
    let why = client.cosign(&log, 6).unwrap_err();
    let start = "the checkpoint needs the cosignatures of 2 of 3 witnesses and has 1: ";
    assert!(why.starts_with(start) && why.contains("two: ") && why.contains("three: "), "{why}");
    // The one that was down is behind, and the one that cosigned without effect is not.
    three.run().unwrap();
    let note = client.cosign(&log, 6).unwrap();
    assert!(has_cosigned(&note, &one) && has_cosigned(&note, &three));
    let note = client.cosign(&log, 200).unwrap();
    assert!(has_cosigned(&note, &one) && has_cosigned(&note, &three));
}

#[test]
fn a_witness_that_hangs_does_not_delay_the_others() {
    let log = Log::new(ORIGIN, "common");
    let [one, two] = [(); 2].map(|()| Witness::start(&[log.key()]));
    let (_listener, hangs) = silent("hangs");
    let client = Client::new(2, &[hangs, one.section("one"), two.section("two")]);
    let began = Instant::now();
    for size in 1..20 {
        let note = client.cosign(&log, size).unwrap();
        assert!(has_cosigned(&note, &one) && has_cosigned(&note, &two));
    }
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
}

#[test]
fn a_gateway_that_starts_anew_learns_what_the_witness_knows() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    for size in [4, 4, 9, 130] {
        let client = Client::new(1, &[witness.section("one")]);
        assert!(has_cosigned(&client.cosign(&log, size).unwrap(), &witness));
    }
    let late = Client::new(1, &[witness.section("one")]);
    let why = late.cosign(&log, 100).unwrap_err();
    assert!(why.contains("has cosigned more than is here, 130 records and not 100"), "{why}");
}

#[test]
fn a_witness_that_was_set_back_is_told_again() {
    let log = Log::new(ORIGIN, "common");
    let mut witness = Witness::start(&[log.key()]);
    let client = Client::new(1, &[witness.section("one")]);
    client.cosign(&log, 10).unwrap();
    witness.kill();
    for entry in std::fs::read_dir(witness.kept()).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    witness.run().unwrap();
    assert!(has_cosigned(&client.cosign(&log, 20).unwrap(), &witness));
}

#[test]
fn a_fork_of_the_own_log_is_told_as_such() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    let sections = [witness.section("one")];
    Client::new(1, &sections).cosign(&log, 10).unwrap();
    let fork = Log::branched(ORIGIN, 5, "another");
    for size in [10, 20] {
        let why = Client::new(1, &sections).cosign(&fork, size).unwrap_err();
        assert!(why.contains("it has cosigned another tree of 10 records"), "{why}");
    }
}
