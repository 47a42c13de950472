//! Trees of invented leaves, with every tile that they ever had.

use proptest::test_runner::Config;
use std::cell::RefCell;
use std::collections::BTreeMap;
use tlog::{Hash, TileId, TileSource, TreeBuilder, empty_root, leaf_hash, node_hash};

/// The invented entry of an index.
pub(crate) fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

/// The leaf hashes of that many invented entries.
pub(crate) fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(&entry(index))).collect()
}

/// The root as RFC 6962 defines it, word by word.
pub(crate) fn defined_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&defined_root(left), &defined_root(right))
        }
    }
}

/// A memory of tiles that gives exactly those which it was given, and notes what it was asked.
#[derive(Default)]
pub(crate) struct Tiles {
    pub(crate) kept: BTreeMap<TileId, Vec<u8>>,
    pub(crate) asked: RefCell<Vec<TileId>>,
}

impl TileSource for Tiles {
    type Error = &'static str;

    fn tile(&self, id: TileId) -> Result<Vec<u8>, Self::Error> {
        self.asked.borrow_mut().push(id);
        self.kept.get(&id).cloned().ok_or("no such tile")
    }
}

impl Tiles {
    pub(crate) fn push(&mut self, tree: &mut TreeBuilder, leaf: Hash) {
        let full = &mut |id: TileId, bytes: &[u8]| {
            assert!(self.kept.insert(id, bytes.to_vec()).is_none(), "{id:?} was filled twice");
        };
        tree.push(leaf, full).unwrap();
    }

    pub(crate) fn keep_partial(&mut self, tree: &TreeBuilder) {
        self.kept.extend(tree.partial());
    }
}

/// The same tiles, as a source that has forgotten partial ones once it had them wider.
pub(crate) struct Widest<'a>(pub(crate) &'a Tiles);

impl TileSource for Widest<'_> {
    type Error = &'static str;

    fn tile(&self, id: TileId) -> Result<Vec<u8>, Self::Error> {
        let widest = TileId { width: 256, ..id };
        let mut bytes = self.0.kept.range(id..=widest).next_back().ok_or("no such tile")?.1.clone();
        bytes.truncate(id.bytes());
        Ok(bytes)
    }
}

/// The tree of that many invented entries, with its tiles and no others.
pub(crate) fn grown(size: u64) -> (TreeBuilder, Tiles) {
    let (mut tree, mut tiles) = (TreeBuilder::new(), Tiles::default());
    for leaf in leaves(size) {
        tiles.push(&mut tree, leaf);
    }
    tiles.keep_partial(&tree);
    (tree, tiles)
}

/// How many cases a property is tried with.
pub(crate) fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}
