//! Proofs out of tiles: the root of a size, that a leaf is in it, that a larger tree goes on from
//! it. Each asks for O(log n) tiles, each tile once.

use crate::hash::{Hash, empty_root, joined, perfect_root};
use crate::tile::{LEVEL_BITS, TILE_WIDTH, TileId};
use std::collections::BTreeMap;

/// Where tiles are: a disk, a server, a memory.
pub trait TileSource {
    /// Why a tile could not be had.
    type Error;

    /// The bytes of a tile, exactly [`TileId::bytes`] of them.
    ///
    /// A partial tile is asked for with the width that it has in a tree of the size in question. If
    /// the source has it wider, it gives the beginning of that.
    fn tile(&self, id: TileId) -> Result<Vec<u8>, Self::Error>;
}

impl<S: TileSource> TileSource for &S {
    type Error = S::Error;

    fn tile(&self, id: TileId) -> Result<Vec<u8>, S::Error> {
        (*self).tile(id)
    }
}

/// Why a root or a proof could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError<E> {
    /// The source failed.
    #[error("the tile {} could not be read: {error}", id.path())]
    Source {
        /// Which tile was asked for.
        id: TileId,
        /// What the source says.
        error: E,
    },
    /// The source gave too much or too little.
    #[error("the tile {} has {bytes} bytes, not {}", id.path(), id.bytes())]
    TileLength {
        /// Which tile was asked for.
        id: TileId,
        /// How many bytes came.
        bytes: usize,
    },
    /// There is no such leaf in a tree of this size.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    NoSuchLeaf {
        /// The place of the leaf.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// A tree is not the beginning of a smaller one.
    #[error("a tree of {new} leaves cannot go on from one of {old}")]
    Shrunk {
        /// The size that should be the smaller one.
        old: u64,
        /// The size that should be the larger one.
        new: u64,
    },
}

/// The root of the tree of `size` leaves.
pub fn root<S: TileSource>(source: &S, size: u64) -> Result<Hash, ReadError<S::Error>> {
    Reader::new(source, size).range(0, size)
}

/// The proof that leaf `index` is in the tree of `size` leaves, from the leaf's sibling up to the
/// root's child (RFC 6962, section 2.1.1).
pub fn inclusion_proof<S: TileSource>(
    source: &S,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ReadError<S::Error>> {
    if index >= size {
        return Err(ReadError::NoSuchLeaf { index, size });
    }
    let mut reader = Reader::new(source, size);
    let mut proof = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(reader.range(middle, end)?);
            end = middle;
        } else {
            proof.push(reader.range(start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `new` leaves begins with that of `old` (RFC 6962, section 2.1.2).
/// Empty if `old` is 0, or is `new`.
pub fn consistency_proof<S: TileSource>(
    source: &S,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, ReadError<S::Error>> {
    if old > new {
        return Err(ReadError::Shrunk { old, new });
    }
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    let mut reader = Reader::new(source, new);
    let (mut start, mut end) = (0, new);
    while old < end {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(reader.range(middle, end)?);
            end = middle;
        } else {
            proof.push(reader.range(start, middle)?);
            start = middle;
        }
    }
    // The part that both trees have whole; if it is all of the old tree, its root is known.
    if start > 0 {
        proof.push(reader.range(start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// The largest power of two below `size`, which is 2 or more.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The hashes of one tile, as many as it must have.
pub(crate) fn hashes_of<S: TileSource>(
    source: &S,
    id: TileId,
) -> Result<Vec<Hash>, ReadError<S::Error>> {
    let bytes = source.tile(id).map_err(|error| ReadError::Source { id, error })?;
    let (hashes, []) = bytes.as_chunks() else {
        return Err(ReadError::TileLength { id, bytes: bytes.len() });
    };
    if hashes.len() != usize::from(id.width) {
        return Err(ReadError::TileLength { id, bytes: bytes.len() });
    }
    Ok(hashes.iter().copied().map(Hash).collect())
}

/// The tiles of a tree of one size, each read once.
struct Reader<'a, S> {
    source: &'a S,
    size: u64,
    tiles: BTreeMap<TileId, Vec<Hash>>,
}

impl<'a, S: TileSource> Reader<'a, S> {
    fn new(source: &'a S, size: u64) -> Self {
        Self { source, size, tiles: BTreeMap::new() }
    }

    /// The root over the leaves from `start` to before `end`, where the former is a multiple of
    /// the largest power of two in the latter's distance, as in every tree's halves.
    fn range(&mut self, start: u64, end: u64) -> Result<Hash, ReadError<S::Error>> {
        let mut perfect = Vec::new();
        let mut next = start;
        while next < end {
            let height = (end - next).ilog2();
            perfect.push(self.perfect(next, height)?);
            next += 1 << height;
        }
        let root = perfect.into_iter().rev().fold(None, |right, left| Some(joined(left, right)));
        Ok(root.unwrap_or_else(empty_root))
    }

    /// The root over the 2^`height` leaves from `start` on.
    fn perfect(&mut self, start: u64, height: u32) -> Result<Hash, ReadError<S::Error>> {
        let (size, end) = (self.size, start.saturating_add(1 << height));
        let beyond = ReadError::NoSuchLeaf { index: end.saturating_sub(1), size };
        let level = u8::try_from(height / LEVEL_BITS).unwrap_or(u8::MAX);
        let place = start >> (height / LEVEL_BITS * LEVEL_BITS);
        let tile = TileId::of_tree(level, place / TILE_WIDTH, size);
        let hashes = match tile {
            Some(tile) => self.tile(tile)?,
            None => return Err(beyond),
        };
        let from = usize::try_from(place % TILE_WIDTH).unwrap_or(usize::MAX);
        let count = 1_usize << (height % LEVEL_BITS);
        let wanted = hashes.get(from..).and_then(|hashes| hashes.get(..count));
        wanted.and_then(|wanted| perfect_root(wanted.to_vec())).ok_or(beyond)
    }

    fn tile(&mut self, id: TileId) -> Result<&[Hash], ReadError<S::Error>> {
        use std::collections::btree_map::Entry;
        match self.tiles.entry(id) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => Ok(place.insert(hashes_of(self.source, id)?)),
        }
    }
}
