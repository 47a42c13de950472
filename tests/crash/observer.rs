//! Somebody outside who keeps every checkpoint that is published, and holds the ledger to them.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use tempfile::TempDir;
use tests::gateway::{Gateway, program};
use tests::patience::until;
use tests::wire::look;

/// Who keeps checkpoints, and the log's key as it was at first.
pub(crate) struct Observer {
    folder: TempDir,
    known: Mutex<BTreeSet<String>>,
    key: OnceLock<String>,
}

impl Observer {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, known: Mutex::default(), key: OnceLock::new() }
    }

    /// Keeps what is published now; gives its size.
    pub(crate) fn look(&self, people: SocketAddr) -> io::Result<Option<u64>> {
        let answer = look(people, "/tlog/0/checkpoint")?;
        if answer.status() != 200 {
            return Ok(None);
        }
        let note = String::from_utf8(answer.body).unwrap();
        let size = note.lines().nth(1).and_then(|line| line.parse().ok());
        let mut known = self.known.lock().unwrap();
        if known.insert(note.clone()) {
            let path = self.folder.path().join(known.len().to_string());
            fs::write(path, note).unwrap();
        }
        Ok(size)
    }

    /// Keeps whatever is published until the gateway is gone.
    pub(crate) fn look_until_gone(&self, people: SocketAddr) {
        until("the end of the gateway", || self.look(people).is_err().then_some(()));
    }

    /// How many checkpoints were published.
    pub(crate) fn count(&self) -> usize {
        self.known.lock().unwrap().len()
    }

    /// Waits until everything on record is sealed, and verifies the ledger while it runs.
    pub(crate) fn verify_running(&self, gateway: &Gateway) {
        let events = gateway.records().events.len() as u64;
        until("a checkpoint over everything", || {
            self.look(gateway.people).unwrap().filter(|size| *size >= events)
        });
        self.verify(&gateway.data);
    }

    /// Verifies a ledger as `countersign verify` does, with all checkpoints that are known.
    pub(crate) fn verify(&self, data: &Path) {
        if let Err(report) = self.try_verify(data) {
            panic!("{report}");
        }
    }

    /// The same; the report where it fails.
    pub(crate) fn try_verify(&self, data: &Path) -> Result<(), String> {
        let key = self.key.get_or_init(|| {
            let policy = fs::read_to_string(data.join("tlog/0/policy")).unwrap();
            let key = policy.lines().find_map(|line| line.strip_prefix("log "));
            key.unwrap_or_else(|| panic!("no key: {policy}")).to_owned()
        });
        let mut verify = program();
        verify.arg("verify").arg(data).args(["--key", key]);
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            verify.arg("--known").arg(entry.unwrap().path());
        }
        let output = verify.output().unwrap();
        let said =
            [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        if output.status.success() { Ok(()) } else { Err(said.join("\n")) }
    }
}
