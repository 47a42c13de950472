//! Checking proofs: what a verifier does that has roots, and no tiles (RFC 9162, sections 2.1.3.2
//! and 2.1.4.2).

use crate::hash::{Hash, empty_root, node_hash};

/// Why a proof does not prove what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
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
    /// The proof has more or fewer hashes than it must.
    #[error("a proof of {hashes} hashes is too long or too short for these sizes")]
    Length {
        /// How many it has.
        hashes: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to the root {found}, not to {expected}")]
    OtherRoot {
        /// Where it leads.
        found: Hash,
        /// Where it should lead.
        expected: Hash,
    },
}

/// Succeeds only if `proof` proves that the leaf of this hash has the place `index` in the tree of
/// `size` leaves with this root.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::NoSuchLeaf { index, size });
    }
    let length = ProofError::Length { hashes: proof.len() };
    let mut path = Path { place: index, last: size - 1 };
    let mut found = *leaf;
    for hash in proof {
        found = if path.step().ok_or(length)? {
            node_hash(hash, &found)
        } else {
            node_hash(&found, hash)
        };
    }
    if path.last != 0 {
        return Err(length);
    }
    same(found, root)
}

/// Succeeds only if `proof` proves that the tree of `new` leaves with the root `new_root` begins
/// with the tree of `old` leaves with the root `old_root`.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    let length = ProofError::Length { hashes: proof.len() };
    if old == 0 || old == new {
        if !proof.is_empty() {
            return Err(length);
        }
        if old == 0 {
            same(empty_root(), old_root)?;
        }
        return if old == new { same(*old_root, new_root) } else { Ok(()) };
    }
    let mut path = Path { place: old - 1, last: new - 1 };
    let whole = path.place.trailing_ones();
    path = Path { place: path.place >> whole, last: path.last >> whole };
    // If the old tree is a perfect one, the proof begins with its root unsaid.
    let (first, rest) = if old.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or(length)?
    };
    let (mut found_old, mut found_new) = (*first, *first);
    for hash in rest {
        if path.step().ok_or(length)? {
            found_old = node_hash(hash, &found_old);
            found_new = node_hash(hash, &found_new);
        } else {
            found_new = node_hash(&found_new, hash);
        }
    }
    if path.last != 0 {
        return Err(length);
    }
    same(found_old, old_root)?;
    same(found_new, new_root)
}

fn same(found: Hash, expected: &Hash) -> Result<(), ProofError> {
    let other = ProofError::OtherRoot { found, expected: *expected };
    if found == *expected { Ok(()) } else { Err(other) }
}

/// The way up from a node: its place in its level, and that of the level's last node.
struct Path {
    place: u64,
    last: u64,
}

impl Path {
    /// Goes up to the next node that has a sibling's hash in the proof; says whether the sibling
    /// is to the left. `None` at the root, where nothing may follow.
    fn step(&mut self) -> Option<bool> {
        if self.last == 0 {
            return None;
        }
        let is_right = self.place % 2 == 1 || self.place == self.last;
        if is_right && self.place.is_multiple_of(2) {
            // A last node without sibling is its own parent, so these levels have no hash.
            let alone = self.place.trailing_zeros();
            self.up(alone);
        }
        self.up(1);
        Some(is_right)
    }

    fn up(&mut self, levels: u32) {
        self.place = self.place.checked_shr(levels).unwrap_or(0);
        self.last = self.last.checked_shr(levels).unwrap_or(0);
    }
}
