//! Proofs of many leaves: those below one tile share all but eight hashes, so a tile is read and
//! checked once for its 256 leaves.

use crate::check::{ProofError, verify_inclusion};
use crate::hash::{Hash, leaf_hash, node_hash};
use crate::proof::{ReadError, TileSource, hashes_of, inclusion_proof};
use crate::tile::{LEVEL_BITS, TILE_WIDTH, TileId};

/// Why a proof was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProverError<E> {
    /// Tiles are missing or cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError<E>),
    /// The tiles are not those of the root.
    #[error("the tiles around leaf {index} do not lead to the checkpoint's root: {error}")]
    Tiles {
        /// The leaf.
        index: u64,
        /// What is wrong.
        error: ProofError,
    },
    /// The entry is not the one in the tree.
    #[error("entry {index} is not the one that was sealed")]
    Entry {
        /// Its place.
        index: u64,
    },
}

/// Makes proofs of inclusion in the tree of one size and root. Cheap when the leaves come in order.
/// Gives no proof that does not verify.
#[derive(Debug)]
pub struct Prover<S> {
    source: S,
    size: u64,
    root: Hash,
    run: Option<Run>,
}

/// The tile of level 0 that is at hand.
#[derive(Debug)]
struct Run {
    index: u64,
    /// The tile's hashes, their parents, and so on; up to below the tile's own root, where the tile
    /// is full. Of a partial tile its hashes alone.
    levels: Vec<Vec<Hash>>,
    /// Of a full tile, the hashes from its root up to the tree's.
    above: Vec<Hash>,
}

impl<S: TileSource> Prover<S> {
    /// The prover of the tree that a checkpoint states.
    pub const fn new(source: S, size: u64, root: Hash) -> Self {
        Self { source, size, root, run: None }
    }

    /// The proof that `entry` is leaf `index` of the tree.
    pub fn prove(&mut self, index: u64, entry: &[u8]) -> Result<Vec<Hash>, ProverError<S::Error>> {
        let tile = TileId::of_tree(0, index / TILE_WIDTH, self.size)
            .ok_or(ReadError::NoSuchLeaf { index, size: self.size })?;
        let place = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        let leaf = leaf_hash(entry);
        let run = match self.run.take().filter(|run| run.index == tile.index) {
            Some(run) => run,
            None => self.read(tile)?,
        };
        let run = self.run.insert(run);
        if run.levels.first().and_then(|leaves| leaves.get(place)) != Some(&leaf) {
            return Err(ProverError::Entry { index });
        }
        if tile.is_full() {
            return Ok(run.proof(place));
        }
        // The one tile at the edge of the tree has another shape for each size.
        let proof = inclusion_proof(&self.source, index, self.size)?;
        self.check(index, &leaf, &proof)?;
        Ok(proof)
    }

    fn read(&self, tile: TileId) -> Result<Run, ProverError<S::Error>> {
        let mut levels = vec![hashes_of(&self.source, tile)?];
        let mut above = Vec::new();
        if tile.is_full() {
            while let Some(below) = levels.last().filter(|level| level.len() > 2) {
                let (pairs, _) = below.as_chunks();
                let parents = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
                levels.push(parents);
            }
            let first = tile.index * TILE_WIDTH;
            let inside = usize::try_from(LEVEL_BITS).unwrap_or(usize::MAX);
            above = inclusion_proof(&self.source, first, self.size)?.split_off(inside);
            let run = Run { index: tile.index, levels, above };
            let leaf = run.levels.first().and_then(|leaves| leaves.first());
            // The first leaf's proof has all of the tile's hashes in it: it speaks for the others.
            self.check(first, leaf.unwrap_or(&self.root), &run.proof(0))?;
            return Ok(run);
        }
        Ok(Run { index: tile.index, levels, above })
    }

    fn check(&self, index: u64, leaf: &Hash, proof: &[Hash]) -> Result<(), ProverError<S::Error>> {
        verify_inclusion(leaf, index, self.size, proof, &self.root)
            .map_err(|error| ProverError::Tiles { index, error })
    }
}

impl Run {
    fn proof(&self, place: usize) -> Vec<Hash> {
        let levels = self.levels.iter().enumerate();
        let inside = levels.filter_map(|(height, level)| level.get((place >> height) ^ 1));
        inside.chain(&self.above).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Prover, ProverError};
    use crate::hash::leaf_hash;
    use crate::proof::{TileSource, inclusion_proof, root};
    use crate::tile::TileId;
    use crate::tree::TreeBuilder;
    use std::cell::Cell;
    use std::collections::HashMap;

    /// Tiles in memory, and how often one was asked for.
    #[derive(Default)]
    struct Tiles {
        tiles: HashMap<TileId, Vec<u8>>,
        asked: Cell<usize>,
    }

    impl TileSource for Tiles {
        type Error = String;

        fn tile(&self, id: TileId) -> Result<Vec<u8>, String> {
            self.asked.set(self.asked.get() + 1);
            self.tiles.get(&id).cloned().ok_or_else(|| id.path())
        }
    }

    fn entry(index: u64) -> Vec<u8> {
        index.to_string().into_bytes()
    }

    fn tiles(size: u64) -> Tiles {
        let mut tiles = Tiles::default();
        let mut tree = TreeBuilder::resume(0, &tiles).unwrap();
        for index in 0..size {
            let mut full = |tile, bytes: &[u8]| {
                tiles.tiles.insert(tile, bytes.to_vec());
            };
            tree.push(leaf_hash(&entry(index)), &mut full).unwrap();
        }
        tiles.tiles.extend(tree.partial());
        tiles.asked.set(0);
        tiles
    }

    #[test]
    fn its_proofs_are_those_of_single_leaves() {
        for size in [1, 2, 255, 256, 257, 512, 700, 65_536, 65_800] {
            let tiles = tiles(size);
            let mut prover = Prover::new(&tiles, size, root(&tiles, size).unwrap());
            let step = 1 + usize::try_from(size / 1500).unwrap();
            for index in (0..size).step_by(step).chain([size - 1, 0]) {
                let proof = prover.prove(index, &entry(index)).unwrap();
                assert_eq!(proof, inclusion_proof(&&tiles, index, size).unwrap(), "{index} {size}");
            }
        }
    }

    #[test]
    fn a_tile_is_read_once_for_its_leaves() {
        let tiles = tiles(65_536);
        let mut prover = Prover::new(&tiles, 65_536, root(&tiles, 65_536).unwrap());
        tiles.asked.set(0);
        for index in 0..65_536 {
            prover.prove(index, &entry(index)).unwrap();
        }
        assert!(tiles.asked.get() <= 3 * 256, "{}", tiles.asked.get());
    }

    #[test]
    fn it_gives_no_proof_that_does_not_hold() {
        let size = 600;
        let whole = tiles(size);
        let right = root(&whole, size).unwrap();
        for index in [0, 300, 599] {
            let mut prover = Prover::new(&whole, size, right);
            let wrong = prover.prove(index, b"something else");
            assert_eq!(wrong, Err(ProverError::Entry { index }));
            let mut prover = Prover::new(&whole, size, leaf_hash(b"another root"));
            let wrong = prover.prove(index, &entry(index));
            assert!(matches!(wrong, Err(ProverError::Tiles { .. })), "{wrong:?}");
        }
        for id in whole.tiles.keys() {
            let mut altered = tiles(size);
            altered.tiles.get_mut(id).unwrap()[5] ^= 1;
            let mut prover = Prover::new(&altered, size, right);
            for index in 0..size {
                let Ok(proof) = prover.prove(index, &entry(index)) else { continue };
                assert_eq!(proof, inclusion_proof(&&whole, index, size).unwrap());
            }
        }
    }
}
