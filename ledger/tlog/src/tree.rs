//! The tree as it grows: takes leaf hashes in order, gives out tiles and roots, and keeps no more
//! than one partial tile of each level.

use crate::hash::{HASH_BYTES, Hash, empty_root, joined, perfect_root};
use crate::proof::{ReadError, TileSource, hashes_of};
use crate::tile::{LEVEL_MAX, TILE_WIDTH, TileId, edge_tiles};

/// An append-only tree of at most 2^64 - 1 leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeBuilder {
    size: u64,
    /// The hashes of the partial tile of each level, from level 0 up; none has 256.
    levels: Vec<Vec<Hash>>,
}

/// The tree has as many leaves as a 64-bit size can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tree has 2^64 - 1 leaves: begin another log")]
pub struct TreeFull;

impl TreeBuilder {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves, from its [`edge_tiles`].
    ///
    /// Goes on exactly as the builder that made these tiles. Whether they are the right ones is
    /// for the caller to find out: compare [`Self::root`] with a checkpoint of this size.
    pub fn resume<S: TileSource>(size: u64, source: &S) -> Result<Self, ReadError<S::Error>> {
        let mut levels = vec![Vec::new(); usize::from(LEVEL_MAX) + 1];
        for tile in edge_tiles(size) {
            let hashes = hashes_of(source, tile)?;
            if let Some(level) = levels.get_mut(usize::from(tile.level)) {
                *level = hashes;
            }
        }
        while levels.last().is_some_and(Vec::is_empty) {
            levels.pop();
        }
        Ok(Self { size, levels })
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf. Calls `full` with each tile that it fills, lowest level first, and its bytes.
    pub fn push(
        &mut self,
        leaf: Hash,
        full: &mut impl FnMut(TileId, &[u8]),
    ) -> Result<(), TreeFull> {
        self.size = self.size.checked_add(1).ok_or(TreeFull)?;
        let mut carried = Some(leaf);
        let mut below = self.size;
        for level in 0..=LEVEL_MAX {
            let Some(hash) = carried else { break };
            let Some(hashes) = self.level(level) else { break };
            hashes.push(hash);
            carried = below.is_multiple_of(TILE_WIDTH).then(|| std::mem::take(hashes)).and_then(
                |hashes| {
                    below /= TILE_WIDTH;
                    let tile = TileId { level, index: below.saturating_sub(1), width: 256 };
                    full(tile, &bytes_of(&hashes));
                    perfect_root(hashes)
                },
            );
        }
        Ok(())
    }

    /// The hashes of a level, which is there when the one below it was filled once.
    fn level(&mut self, level: u8) -> Option<&mut Vec<Hash>> {
        let level = usize::from(level);
        if level == self.levels.len() {
            self.levels.push(Vec::new());
        }
        self.levels.get_mut(level)
    }

    /// The root of the tree as it is (RFC 6962, section 2.1).
    pub fn root(&self) -> Hash {
        let mut root = None;
        for hashes in &self.levels {
            let mut left = hashes.as_slice();
            // The perfect trees of this level stand in falling order of size, so begin at the end.
            while !left.is_empty() {
                let run = 1_usize << left.len().trailing_zeros();
                let (rest, last) = left.split_at(left.len() - run);
                root = perfect_root(last.to_vec()).map(|last| joined(last, root)).or(root);
                left = rest;
            }
        }
        root.unwrap_or_else(empty_root)
    }

    /// The partial tiles of the tree as it is, lowest level first, with their bytes: what to store
    /// beside the full tiles for a checkpoint of this size, and to [resume](Self::resume) from.
    pub fn partial(&self) -> impl Iterator<Item = (TileId, Vec<u8>)> {
        let bytes =
            |tile: TileId| Some((tile, bytes_of(self.levels.get(usize::from(tile.level))?)));
        edge_tiles(self.size).filter_map(bytes)
    }
}

fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hashes.len() * HASH_BYTES);
    for hash in hashes {
        bytes.extend_from_slice(&hash.0);
    }
    bytes
}
