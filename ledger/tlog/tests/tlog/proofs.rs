//! Proofs out of tiles prove what is so, to us and to another implementation, and nothing else.

use crate::forest::{Tiles, Widest, cases, entry, grown};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use proptest::prelude::*;
use sha2::Sha256;
use std::sync::LazyLock;
use tlog::{
    Hash, ProofError, ReadError, TreeBuilder, consistency_proof, inclusion_proof, leaf_hash, root,
    verify_consistency, verify_inclusion,
};

const SMALL: u64 = 70;

/// The tiles of every size up to [`SMALL`], and the roots.
fn small() -> (Tiles, Vec<Hash>) {
    let (mut tree, mut tiles) = (TreeBuilder::new(), Tiles::default());
    let mut roots = vec![tree.root()];
    for index in 0..SMALL {
        tiles.push(&mut tree, leaf_hash(&entry(index)));
        tiles.keep_partial(&tree);
        roots.push(tree.root());
    }
    (tiles, roots)
}

fn flat(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

fn others_root(root: &Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new(root.0.into(), size)
}

#[test]
fn every_leaf_of_every_small_tree_is_proved_as_another_implementation_does() {
    let (tiles, roots) = small();
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for (size, root) in (0_u64..).zip(&roots) {
        for index in 0..size {
            let proof = inclusion_proof(&tiles, index, size).unwrap();
            verify_inclusion(&leaf_hash(&entry(index)), index, size, &proof, root).unwrap();
            let others = other.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(others.as_bytes(), flat(&proof));
        }
        other.push(entry(size));
    }
}

#[test]
fn every_small_tree_is_proved_to_begin_with_every_smaller_one() {
    let (tiles, roots) = small();
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for (new, new_root) in (0_u64..).zip(&roots) {
        for (old, old_root) in (0..=new).zip(&roots) {
            let proof = consistency_proof(&tiles, old, new).unwrap();
            verify_consistency(old, old_root, new, new_root, &proof).unwrap();
            if 0 < old && old < new {
                let others = other.prove_consistency(usize::try_from(new - old).unwrap());
                assert_eq!(others.as_bytes(), flat(&proof));
            }
        }
        other.push(entry(new));
    }
}

#[test]
fn a_leaf_is_proved_for_its_own_place_in_its_own_tree_alone() {
    let (tiles, roots) = small();
    let (index, size) = (11, 23);
    let proof = inclusion_proof(&tiles, index, size).unwrap();
    let leaf = leaf_hash(&entry(index));
    let mut proved = Vec::new();
    for (other_size, root) in (0_u64..).zip(&roots) {
        for other_index in 0..=other_size {
            if verify_inclusion(&leaf, other_index, other_size, &proof, root).is_ok() {
                proved.push((other_index, other_size));
            }
        }
    }
    assert_eq!(proved, [(index, size)]);
}

#[test]
fn proofs_of_what_cannot_be_are_neither_made_nor_accepted() {
    let (tiles, roots) = small();
    let [empty, one, two, ..] = roots.as_slice() else { panic!("there are more") };
    assert_eq!(inclusion_proof(&tiles, 5, 5), Err(ReadError::NoSuchLeaf { index: 5, size: 5 }));
    assert_eq!(consistency_proof(&tiles, 6, 5), Err(ReadError::Shrunk { old: 6, new: 5 }));
    let shrunk = verify_consistency(2, two, 1, one, &[]);
    assert_eq!(shrunk, Err(ProofError::Shrunk { old: 2, new: 1 }));
    let beyond = verify_inclusion(one, 1, 1, &[], one);
    assert_eq!(beyond, Err(ProofError::NoSuchLeaf { index: 1, size: 1 }));
    assert!(verify_inclusion(one, 0, 0, &[], empty).is_err());
    verify_consistency(0, empty, 2, two, &[]).unwrap();
    assert!(verify_consistency(0, one, 2, two, &[]).is_err());
    assert!(verify_consistency(0, one, 0, one, &[]).is_err());
    assert!(verify_consistency(0, empty, 2, two, &[*one]).is_err());
    verify_consistency(2, two, 2, two, &[]).unwrap();
    assert!(verify_consistency(2, two, 2, one, &[]).is_err());
    assert!(verify_consistency(2, two, 2, two, &[*one]).is_err());
    assert!(verify_consistency(3, two, 9, one, &[]).is_err());
    let endless = vec![*one; 1000];
    assert!(verify_inclusion(one, u64::MAX - 1, u64::MAX, &endless, one).is_err());
    assert!(verify_consistency(u64::MAX - 1, one, u64::MAX, two, &endless).is_err());
    assert!(verify_consistency(1 << 63, one, u64::MAX, two, &endless).is_err());
}

/// A tree of three levels of tiles, made once for all properties.
static LARGE: LazyLock<(Hash, std::sync::Mutex<Tiles>)> = LazyLock::new(|| {
    let (tree, tiles) = grown(70_000);
    (tree.root(), std::sync::Mutex::new(tiles))
});

#[test]
fn a_proof_asks_for_each_of_a_few_tiles_once() {
    let tiles = LARGE.1.lock().unwrap();
    for (what, most) in [(0, 3), (69_999, 5), (35_000, 5)] {
        tiles.asked.borrow_mut().clear();
        inclusion_proof(&*tiles, what, 70_000).unwrap();
        let mut asked = tiles.asked.take();
        let count = asked.len();
        asked.sort();
        asked.dedup();
        assert_eq!(asked.len(), count);
        assert!(count <= most + 1, "{what}: {asked:?}");
    }
}

#[test]
fn every_flipped_bit_of_a_proof_is_refused() {
    let (tiles, roots) = small();
    let (old_root, new_root) = (roots.get(21).unwrap(), roots.get(69).unwrap());
    let inclusion = inclusion_proof(&tiles, 20, 69).unwrap();
    let consistency = consistency_proof(&tiles, 21, 69).unwrap();
    let leaf = leaf_hash(&entry(20));
    let is_included = |proof: &[Hash]| verify_inclusion(&leaf, 20, 69, proof, new_root).is_ok();
    let is_consistent =
        |proof: &[Hash]| verify_consistency(21, old_root, 69, new_root, proof).is_ok();
    let refused = |proof: &[Hash], check: &dyn Fn(&[Hash]) -> bool| {
        assert!(check(proof));
        for bit in 0..proof.len() * 256 {
            let mut flipped = proof.to_vec();
            let byte = flipped.iter_mut().flat_map(|hash| &mut hash.0).nth(bit / 8).unwrap();
            *byte ^= 1 << (bit % 8);
            assert!(!check(&flipped), "bit {bit}");
        }
        for hash in 0..proof.len() {
            let mut shorter = proof.to_vec();
            shorter.remove(hash);
            let mut longer = proof.to_vec();
            longer.insert(hash, Hash([0; 32]));
            assert!(!check(&shorter) && !check(&longer), "hash {hash}");
        }
        assert!(!check(&[proof, &[Hash([0; 32])]].concat()));
    };
    refused(&inclusion, &is_included);
    refused(&consistency, &is_consistent);
}

#[test]
fn a_source_that_fails_or_gives_another_length_gives_no_proof() {
    let (_, mut tiles) = grown(300);
    let id = tlog::TileId::of_tree(0, 1, 300).unwrap();
    tiles.kept.get_mut(&id).unwrap().pop();
    let bytes = id.bytes() - 1;
    assert_eq!(root(&tiles, 300), Err(ReadError::TileLength { id, bytes }));
    tiles.kept.remove(&id);
    let error = inclusion_proof(&tiles, 7, 300).unwrap_err();
    assert_eq!(error.to_string(), "the tile tile/0/001.p/44 could not be read: no such tile");
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn any_leaf_of_a_large_tree_is_proved_to_another_implementation(index in 0_u64..70_000) {
        let (root, tiles) = &*LARGE;
        let (size, entry) = (70_000, entry(index));
        let proof = inclusion_proof(&*tiles.lock().unwrap(), index, size).unwrap();
        prop_assert!(verify_inclusion(&leaf_hash(&entry), index, size, &proof, root).is_ok());
        let others = InclusionProof::<Sha256>::try_from_bytes(flat(&proof)).unwrap();
        let root = others_root(root, size);
        prop_assert!(root.verify_inclusion(&entry, index, &others).is_ok());
    }

    #[test]
    fn a_large_tree_is_proved_to_another_implementation_to_begin_with_any_smaller_one(
        old in 1_u64..70_000,
    ) {
        let (new_root, tiles) = &*LARGE;
        let tiles = tiles.lock().unwrap();
        let proof = consistency_proof(&*tiles, old, 70_000).unwrap();
        let old_root = root(&Widest(&tiles), old).unwrap();
        prop_assert_eq!(TreeBuilder::resume(old, &Widest(&tiles)).unwrap().root(), old_root);
        prop_assert!(verify_consistency(old, &old_root, 70_000, new_root, &proof).is_ok());
        let others = ConsistencyProof::<Sha256>::try_from_bytes(flat(&proof)).unwrap();
        let (new, old) = (others_root(new_root, 70_000), others_root(&old_root, old));
        prop_assert!(new.verify_consistency(&old, &others).is_ok());
    }

    #[test]
    fn what_is_not_a_proof_is_refused_without_panic(
        sizes: [u64; 3],
        hashes in prop::collection::vec(any::<[u8; 32]>().prop_map(Hash), 2..70),
    ) {
        let [index, old, new] = sizes;
        let (first, rest) = hashes.split_first().unwrap();
        let (second, proof) = rest.split_first().unwrap();
        prop_assert!(verify_inclusion(first, index, new, proof, second).is_err());
        prop_assert!(old == 0 || verify_consistency(old, first, new, second, proof).is_err());
    }
}
