//! A log as it would be had its signer lied: the events of a real one, some of them altered, sealed
//! anew under a key of its own.

use std::fs;
use std::path::{Path, PathBuf};

use events::{Draft, Envelope, Event};
use tempfile::TempDir;
use tests::records::Records;
use tlog::{BundleId, Checkpoint, SigningKey, TileId, TreeBuilder, bundle_push, leaf_hash};

const ORIGIN: &str = "ledger.example.com/forged/0";

/// The log, until dropped.
pub(crate) struct Forged {
    scratch: TempDir,
    key: SigningKey,
}

impl Forged {
    /// What is on record, with `alter` applied to every event; fails unless it altered one.
    pub(crate) fn of(records: &Records, alter: impl Fn(&mut Event) -> bool) -> Self {
        let mut events: Vec<Envelope> = records.events.clone();
        let altered = events.iter_mut().filter_map(|it| alter(&mut it.event).then_some(()));
        assert_eq!(altered.count(), 1, "one event is altered");
        Self::sealing(&events)
    }

    /// What is on record, as it is.
    pub(crate) fn honest(records: &Records) -> Self {
        Self::sealing(&records.events)
    }

    fn sealing(events: &[Envelope]) -> Self {
        let forged = Self {
            scratch: tempfile::tempdir().unwrap(),
            key: SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap(),
        };
        let (mut tree, mut bundle) = (TreeBuilder::default(), Vec::new());
        for event in events {
            let bytes = encoded(event);
            bundle_push(&mut bundle, &bytes).unwrap();
            tree.push(leaf_hash(&bytes), &mut |id: TileId, bytes: &[u8]| {
                forged.write(&id.path(), bytes);
            })
            .unwrap();
        }
        for (tile, bytes) in tree.partial() {
            forged.write(&tile.path(), &bytes);
        }
        let size = tree.size();
        assert!(size < 256, "one bundle holds all events");
        forged.write(&BundleId::of_log(0, size).unwrap().path(), &bundle);
        let checkpoint = Checkpoint::new(ORIGIN, size, tree.root()).unwrap();
        let signed = checkpoint.sign(&forged.key).unwrap().to_string();
        forged.write("checkpoint", signed.as_bytes());
        forged
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.folder().join(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> PathBuf {
        self.scratch.path().join("log")
    }

    /// The public half of its key.
    pub(crate) fn vkey(&self) -> String {
        self.key.verifier().to_string()
    }
}

/// An event as it is recorded.
fn encoded(envelope: &Envelope) -> Vec<u8> {
    let Envelope { sequence, id, time, session, cause, call, .. } = *envelope;
    let draft = Draft { id, time, session, cause, call, fact: envelope.event.clone() };
    let (mut bytes, place) = draft.encode_event(&envelope.source).unwrap();
    let digits = format!("{sequence:020}");
    bytes.splice(place..place + digits.len(), digits.into_bytes());
    bytes
}
