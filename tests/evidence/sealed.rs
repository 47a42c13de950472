//! Logs of real events, sealed with the crate `tlog`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tlog::{
    BundleId, Checkpoint, Note, SigningKey, TILE_WIDTH, TileId, TileSource, TreeBuilder,
    bundle_push, leaf_hash,
};

/// Of which log; a key has the same name.
pub(crate) const ORIGIN: &str = "ledger.example.com/acme/0";

/// What is in each file of a log, by its path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A key of the log; each number is another one.
pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[number; 32]).unwrap()
}

/// Events of every kind in turn, each with a sequence of its own.
pub(crate) fn events(count: usize) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/events");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
    paths.sort();
    let numbered = "\"sequence\":\"";
    let kinds: Vec<(String, String)> = paths
        .iter()
        .map(|path| {
            let text = fs::read_to_string(path).unwrap();
            let (before, after) = text.split_once(numbered).unwrap();
            (before.to_owned(), after.split_once('"').unwrap().1.to_owned())
        })
        .collect();
    let event = |(sequence, (before, after)): (usize, &(String, String))| {
        format!("{before}{numbered}{sequence:020}\"{after}").into_bytes()
    };
    (0..count).zip(kinds.iter().cycle()).map(event).collect()
}

/// A log that grows, and what it has written.
#[derive(Default)]
pub(crate) struct Growing {
    tree: TreeBuilder,
    bundle: Vec<u8>,
    pub(crate) files: Files,
}

impl Growing {
    /// The log of these entries, without a checkpoint.
    pub(crate) fn of(entries: &[Vec<u8>]) -> Self {
        let mut log = Self::default();
        for entry in entries {
            log.push(entry);
        }
        log.write_partial();
        log
    }

    fn push(&mut self, entry: &[u8]) {
        bundle_push(&mut self.bundle, entry).unwrap();
        let files = &mut self.files;
        let mut keep = |tile: TileId, bytes: &[u8]| {
            files.insert(tile.path(), bytes.to_vec());
        };
        self.tree.push(leaf_hash(entry), &mut keep).unwrap();
        if self.tree.size().is_multiple_of(TILE_WIDTH) {
            let index = self.tree.size() / TILE_WIDTH - 1;
            let bundle = BundleId::of_log(index, self.tree.size()).unwrap();
            self.files.insert(bundle.path(), std::mem::take(&mut self.bundle));
        }
    }

    /// Writes the tiles and the bundle that are not full yet.
    fn write_partial(&mut self) {
        let size = self.tree.size();
        let partial = self.tree.partial().map(|(tile, bytes)| (tile.path(), bytes));
        self.files.extend(partial);
        if let Some(bundle) = BundleId::of_log(size / TILE_WIDTH, size) {
            self.files.insert(bundle.path(), self.bundle.clone());
        }
    }

    /// Signs the log as it is.
    pub(crate) fn checkpoint(&self, key: &SigningKey) -> Note {
        let (size, root) = (self.tree.size(), self.tree.root());
        Checkpoint::new(ORIGIN, size, root).unwrap().sign(key).unwrap()
    }
}

impl TileSource for Growing {
    type Error = String;

    fn tile(&self, id: TileId) -> Result<Vec<u8>, String> {
        self.files.get(&id.path()).cloned().ok_or_else(|| id.path())
    }
}

/// A log in a folder, until dropped.
pub(crate) struct Sealed {
    scratch: TempDir,
    /// Older checkpoints, that others have seen.
    pub(crate) known: Vec<PathBuf>,
}

impl Sealed {
    /// Seals these entries under [`key`] 0; signs at each of these sizes, and at the end.
    pub(crate) fn of(entries: &[Vec<u8>], signed_at: &[usize]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let mut log = Growing::default();
        let mut known = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if signed_at.contains(&index) {
                log.write_partial();
                let path = scratch.path().join(format!("known-{index}"));
                fs::write(&path, log.checkpoint(&key(0)).to_string()).unwrap();
                known.push(path);
            }
            log.push(entry);
        }
        log.write_partial();
        let checkpoint = log.checkpoint(&key(0)).to_string();
        log.files.insert("checkpoint".to_owned(), checkpoint.into_bytes());
        let sealed = Self { scratch, known };
        for (path, bytes) in &log.files {
            let path = sealed.folder().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        sealed
    }

    /// The public half of [`key`] 0.
    pub(crate) fn vkey() -> String {
        key(0).verifier().to_string()
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> PathBuf {
        self.scratch.path().join("log")
    }
}
