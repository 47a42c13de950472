//! The tree has the roots of RFC 6962, and goes on from its edge as if it had never stopped.

use crate::forest::{Tiles, cases, defined_root, entry, grown, leaves};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::*;
use sha2::Sha256;
use tlog::{Hash, ReadError, TileId, TreeBuilder, edge_tiles, empty_root, leaf_hash, root};

/// The leaves and roots that the authors of RFC 6962 test with.
const KNOWN: &[(&str, &str)] = &[
    ("", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    ("00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    ("10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    ("2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
    ("3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
    ("40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
    ("5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    (
        "606162636465666768696a6b6c6d6e6f",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ),
];

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<char> = hexadecimal.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn the_roots_are_those_of_the_known_answers() {
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(empty_root().0.to_vec(), bytes(nothing));
    let (mut tree, mut tiles) = (TreeBuilder::new(), Tiles::default());
    for (leaf, root) in KNOWN {
        tiles.push(&mut tree, leaf_hash(&bytes(leaf)));
        assert_eq!(tree.root().0.to_vec(), bytes(root));
    }
}

#[test]
fn every_root_is_as_defined_and_as_another_implementation_has_it() {
    let (mut tree, mut tiles) = (TreeBuilder::new(), Tiles::default());
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    let leaves = leaves(600);
    assert_eq!(tree.root(), empty_root());
    for (index, leaf) in (0_u64..).zip(&leaves) {
        tiles.push(&mut tree, *leaf);
        tiles.keep_partial(&tree);
        other.push(entry(index));
        let size = index + 1;
        let expected = defined_root(leaves.get(..usize::try_from(size).unwrap()).unwrap());
        assert_eq!((tree.size(), tree.root()), (size, expected));
        assert_eq!(other.root().as_bytes().as_slice(), expected.0);
        assert_eq!(root(&tiles, size).unwrap(), expected);
    }
}

#[test]
fn a_tree_of_three_levels_of_tiles_has_the_root_that_is_defined() {
    let (tree, tiles) = grown(70_000);
    // Computed from the definition by a program in another language.
    assert_eq!(tree.root().to_string(), "o5IPun8jmgcam9EHIfE0Gt3vuu3ttBx+JEN6nRa98Ao=");
    assert_eq!(tree.root(), defined_root(&leaves(70_000)));
    assert_eq!(root(&tiles, 70_000).unwrap(), tree.root());
}

#[test]
fn a_tree_resumed_at_any_size_goes_on_as_if_it_had_never_stopped() {
    let (mut tree, mut tiles) = (TreeBuilder::new(), Tiles::default());
    for leaf in leaves(600) {
        let resumed = TreeBuilder::resume(tree.size(), &tiles).unwrap();
        assert_eq!((resumed.root(), &resumed), (tree.root(), &tree));
        tree = resumed;
        tiles.push(&mut tree, leaf);
        tiles.keep_partial(&tree);
    }
    assert_eq!(tree, grown(600).0);
}

#[test]
fn a_tree_is_not_resumed_from_tiles_that_are_absent_or_of_another_length() {
    let (tree, mut tiles) = grown(700);
    let [low, high] = edge_tiles(700).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((low.width, high.width), (700 % 256, 2));
    tiles.kept.get_mut(&low).unwrap().push(0);
    let bytes = low.bytes() + 1;
    let resumed = TreeBuilder::resume(700, &tiles);
    assert_eq!(resumed, Err(ReadError::TileLength { id: low, bytes }));
    tiles.kept.get_mut(&low).unwrap().truncate(low.bytes() - 32);
    assert!(matches!(TreeBuilder::resume(700, &tiles), Err(ReadError::TileLength { .. })));
    tiles.kept.extend(tree.partial());
    tiles.kept.remove(&high);
    let resumed = TreeBuilder::resume(700, &tiles);
    assert_eq!(resumed, Err(ReadError::Source { id: high, error: "no such tile" }));
}

#[test]
fn the_largest_tree_takes_no_further_leaf() {
    struct Zeroes;
    impl tlog::TileSource for Zeroes {
        type Error = ();

        fn tile(&self, id: TileId) -> Result<Vec<u8>, ()> {
            Ok(vec![0; id.bytes()])
        }
    }
    let mut tree = TreeBuilder::resume(u64::MAX - 1, &Zeroes).unwrap();
    let before = tree.clone();
    tree.push(Hash([0; 32]), &mut |_, _| ()).unwrap();
    assert_eq!(tree.size(), u64::MAX);
    assert_ne!(tree.root(), before.root());
    assert_eq!(tree.root(), root(&Zeroes, u64::MAX).unwrap());
    let full = tree.clone();
    assert!(tree.push(Hash([0; 32]), &mut |_, _| ()).is_err());
    assert_eq!(tree, full);
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn any_leaves_have_the_root_that_is_defined(
        leaves in prop::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..1200),
    ) {
        let (mut tree, mut tiles) = (TreeBuilder::new(), Tiles::default());
        for leaf in &leaves {
            tiles.push(&mut tree, *leaf);
        }
        tiles.keep_partial(&tree);
        prop_assert_eq!(tree.root(), defined_root(&leaves));
        prop_assert_eq!(root(&tiles, tree.size()).unwrap(), tree.root());
    }
}
