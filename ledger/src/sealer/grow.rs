//! Grows the tree over the records of a log: reads them in order, hashes them, and gives out every
//! tile and every bundle of records that is filled.

use super::SealError;
use super::files::LogFiles;
use crate::Sequence;
use crate::log::Reader;
use tlog::{BundleId, Hash, TILE_WIDTH, TileId, TreeBuilder, bundle_push, leaf_hash};

/// How many bytes of records are read at once.
const READ_BYTES: usize = 1 << 20;

/// A tree and the bundle at its right edge.
#[derive(Clone, Debug, Default)]
pub(super) struct Growth {
    tree: TreeBuilder,
    bundle: Vec<u8>,
}

/// Lays a tile or a bundle out.
pub(super) fn write(files: &LogFiles, filled: &Filled<'_>) -> Result<(), SealError> {
    let path = filled.path();
    files.write(&path, filled.bytes()).map_err(|source| SealError::file(files, &path, source))
}

/// A tile or a bundle; one that is full never changes from now on.
pub(super) enum Filled<'a> {
    /// A tile of some level.
    Tile(TileId, &'a [u8]),
    /// The records below a tile of level 0.
    Bundle(BundleId, &'a [u8]),
}

impl Filled<'_> {
    /// Where it lies.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Tile(id, _) => id.path(),
            Self::Bundle(id, _) => id.path(),
        }
    }

    /// What lies there.
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Tile(_, bytes) | Self::Bundle(_, bytes) => bytes,
        }
    }
}

impl Growth {
    /// Goes on from a tree without a partial bundle.
    pub(super) fn from(tree: TreeBuilder) -> Self {
        Self { tree, bundle: Vec::new() }
    }

    pub(super) fn size(&self) -> u64 {
        self.tree.size()
    }

    pub(super) fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Tells the partial tiles and the partial bundle: what a checkpoint of this size needs
    /// besides.
    pub(super) fn edge(
        &self,
        partial: &mut dyn FnMut(Filled<'_>) -> Result<(), SealError>,
    ) -> Result<(), SealError> {
        for (id, bytes) in self.tree.partial() {
            partial(Filled::Tile(id, &bytes))?;
        }
        let size = self.size();
        let bundle = BundleId::of_log(size / TILE_WIDTH, size);
        bundle.map_or(Ok(()), |id| partial(Filled::Bundle(id, &self.bundle)))
    }

    /// Adds the records up to `end`, which must be committed. Where this fails nothing was added,
    /// so that whatever `filled` did not take is told again the next time.
    pub(super) fn advance(
        &mut self,
        reader: &dyn Reader,
        end: u64,
        filled: &mut dyn FnMut(Filled<'_>) -> Result<(), SealError>,
    ) -> Result<(), SealError> {
        let mut grown = self.clone();
        grown.add(reader, end, filled)?;
        *self = grown;
        Ok(())
    }

    fn add(
        &mut self,
        reader: &dyn Reader,
        end: u64,
        filled: &mut dyn FnMut(Filled<'_>) -> Result<(), SealError>,
    ) -> Result<(), SealError> {
        while self.size() < end {
            let records = reader.read(Sequence::new(self.size()), READ_BYTES)?;
            if records.is_empty() {
                return Err(SealError::Vanished { sequence: self.size(), end });
            }
            let left = usize::try_from(end - self.size()).unwrap_or(usize::MAX);
            for record in records.iter().take(left) {
                self.push(record, filled)?;
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        record: &[u8],
        filled: &mut dyn FnMut(Filled<'_>) -> Result<(), SealError>,
    ) -> Result<(), SealError> {
        let mut told = Ok(());
        let mut tile = |id, bytes: &[u8]| {
            if told.is_ok() {
                told = filled(Filled::Tile(id, bytes));
            }
        };
        self.tree.push(leaf_hash(record), &mut tile).map_err(SealError::limit)?;
        told?;
        bundle_push(&mut self.bundle, record).map_err(SealError::limit)?;
        if self.size().is_multiple_of(TILE_WIDTH) {
            let id = BundleId { index: self.size() / TILE_WIDTH - 1, width: 256 };
            filled(Filled::Bundle(id, &self.bundle))?;
            self.bundle.clear();
        }
        Ok(())
    }
}
