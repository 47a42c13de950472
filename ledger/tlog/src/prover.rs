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
