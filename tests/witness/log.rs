//! A small log with a key, whose owner may be honest or not.

use std::path::Path;

use ledger::sealer::{LogFiles, Signed};
use tlog::{
    AddCheckpoint, Checkpoint, Hash, Note, SigningKey, TileId, TileSource, consistency_proof,
    leaf_hash, root,
};

/// At most so many leaves, so that a tree is one tile.
pub(crate) const LEAVES_MAX: u8 = 200;

/// A log of which every size can be signed, and every other history as well.
pub(crate) struct Log {
    key: SigningKey,
    leaves: Vec<Hash>,
}

impl TileSource for Log {
    type Error = ();

    fn tile(&self, id: TileId) -> Result<Vec<u8>, ()> {
        assert_eq!((id.level, id.index), (0, 0));
        Ok(self.leaves.iter().take(id.width.into()).flat_map(|hash| hash.0).collect())
    }
}

impl Log {
    /// The log of this origin; its leaves are those of every other with this history.
    pub(crate) fn new(origin: &str, history: &str) -> Self {
        Self::branched(origin, 0, history)
    }

    /// A log that has the common history for `shared` leaves, and then another one.
    pub(crate) fn branched(origin: &str, shared: u8, history: &str) -> Self {
        let leaf = |number: u8| {
            let history = if number < shared { "common" } else { history };
            leaf_hash(format!("{history} {number}").as_bytes())
        };
        let key = SigningKey::from_seed(origin, &[7; 32]).unwrap();
        Self { key, leaves: (0..LEAVES_MAX).map(leaf).collect() }
    }

    /// Its verifier key.
    pub(crate) fn key(&self) -> String {
        self.key.verifier().to_string()
    }

    /// What it says at a size.
    pub(crate) fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint::new(self.key.verifier().name(), size, root(self, size).unwrap()).unwrap()
    }

    /// The same, signed.
    pub(crate) fn note(&self, size: u64) -> Note {
        self.checkpoint(size).sign(&self.key).unwrap()
    }

    /// The request to cosign a size, with the right proof from another one, if there can be one.
    pub(crate) fn request(&self, old: u64, size: u64) -> AddCheckpoint {
        let proof = consistency_proof(self, old, size).unwrap_or_default();
        AddCheckpoint::new(old, proof, self.note(size)).unwrap()
    }

    /// A size as the sealer of a gateway has it, its files laid out in a folder.
    pub(crate) fn sealed(&self, size: u64, folder: &Path) -> (Signed, LogFiles) {
        let id = TileId::of_tree(0, 0, size).unwrap();
        let path = folder.join(id.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, self.tile(id).unwrap()).unwrap();
        let signed = Signed { note: self.note(size), checkpoint: self.checkpoint(size) };
        (signed, LogFiles::new(folder.to_owned()))
    }
}
