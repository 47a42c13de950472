//! A third opinion: what `sigstore-merkle` says of proofs, right and wrong ones, is what we say. It
//! only verifies; it makes none.

use crate::forest::{Tiles, Widest, cases, entry, grown};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use sigstore_crypto::{
    CryptoProvider, Error, HashContext, Result, SigningScheme, install_default_provider,
};
use sigstore_merkle::{hash_children, hash_leaf, verify_consistency_proof, verify_inclusion_proof};
use sigstore_types::{HashAlgorithm, Sha256Hash};
use std::sync::{LazyLock, Mutex};
use tlog::{
    Hash, consistency_proof, inclusion_proof, leaf_hash, node_hash, root, verify_consistency,
    verify_inclusion,
};

/// The largest tree that is tried.
const LARGEST: u64 = 5000;

/// The tiles of that tree, from which those of smaller ones are taken; with them comes what
/// sigstore hashes with.
static TILES: LazyLock<Mutex<Tiles>> = LazyLock::new(|| {
    install_default_provider(&Hashes).unwrap();
    Mutex::new(grown(LARGEST).1)
});

/// What sigstore hashes with; its own choice needs `cmake` and minutes to build. It is asked for
/// SHA-256 alone, so the tree remains its own.
#[derive(Debug)]
struct Hashes;

struct Hashing(Sha256);

impl HashContext for Hashing {
    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn finalize(self: Box<Self>) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}

impl CryptoProvider for Hashes {
    fn hash(&self, algorithm: HashAlgorithm) -> Result<Box<dyn HashContext>> {
        if algorithm == HashAlgorithm::Sha2256 {
            return Ok(Box::new(Hashing(Sha256::new())));
        }
        Err(Error::UnsupportedAlgorithm("no tree has it".into()))
    }

    fn verify_raw(&self, _: SigningScheme, _: &[u8], _: &[u8], _: &[u8]) -> Result<()> {
        Err(Error::UnsupportedAlgorithm("no tree is signed".into()))
    }

    fn verify_prehashed(&self, _: SigningScheme, _: &[u8], _: &[u8], _: &[u8]) -> Result<()> {
        Err(Error::UnsupportedAlgorithm("no tree is signed".into()))
    }
}

fn theirs(hash: &Hash) -> Sha256Hash {
    Sha256Hash::new(hash.0)
}

fn all_theirs(hashes: &[Hash]) -> Vec<Sha256Hash> {
    hashes.iter().map(theirs).collect()
}

/// A statement about trees and its proof, right or wrong.
#[derive(Clone, Debug)]
enum Claim {
    /// The hash of a leaf, its index, the size and root of the tree.
    Included(Hash, u64, u64, Hash),
    /// Size and root of the old tree and of the new one.
    Goes(u64, Hash, u64, Hash),
}

impl Claim {
    /// What both verifiers say of it, which must be the same.
    #[track_caller]
    fn holds(&self, proof: &[Hash]) -> bool {
        LazyLock::force(&TILES);
        let their_proof = all_theirs(proof);
        let (ours, others) = match self {
            Self::Included(leaf, index, size, root) => (
                verify_inclusion(leaf, *index, *size, proof, root).is_ok(),
                verify_inclusion_proof(&theirs(leaf), *index, *size, &their_proof, &theirs(root))
                    .is_ok(),
            ),
            Self::Goes(old, old_root, new, new_root) => (
                verify_consistency(*old, old_root, *new, new_root, proof).is_ok(),
                verify_consistency_proof(
                    *old,
                    *new,
                    &their_proof,
                    &theirs(old_root),
                    &theirs(new_root),
                )
                .is_ok(),
            ),
        };
        assert_eq!(ours, others, "{self:?} by {proof:?}");
        ours
    }

    /// The same with one number or hash changed, as `how` says.
    fn changed(&self, how: usize) -> Self {
        let mut changed = self.clone();
        match (&mut changed, how % 4) {
            (Self::Included(leaf, ..), 0) => flip(leaf, how),
            (Self::Included(_, index, ..), 1) => *index += 1,
            (Self::Included(_, _, size, _), 2) => *size = size.next_power_of_two() * 4,
            (Self::Included(.., root), _) => flip(root, how),
            (Self::Goes(old, ..), 0) => *old += 1,
            (Self::Goes(_, old_root, ..), 1) => flip(old_root, how),
            (Self::Goes(_, _, new, _), 2) => *new = new.next_power_of_two() * 4,
            (Self::Goes(.., new_root), _) => flip(new_root, how),
        }
        changed
    }
}

fn flip(hash: &mut Hash, how: usize) {
    if let Some(byte) = hash.0.get_mut(how / 4 % 32) {
        *byte ^= 1 << (how / 128 % 8);
    }
}

/// Every way to change a proof a little: hashes flipped, left out, doubled, swapped, added.
fn mutations(proof: &[Hash], how: usize) -> Vec<Vec<Hash>> {
    let mut mutations =
        vec![[proof, &[Hash([7; 32])]].concat(), [&[Hash([7; 32])], proof].concat()];
    for place in 0..proof.len() {
        let mut flipped = proof.to_vec();
        flipped.get_mut(place).into_iter().for_each(|hash| flip(hash, how));
        let (mut shorter, mut longer) = (proof.to_vec(), proof.to_vec());
        let hash = shorter.remove(place);
        longer.insert(place, hash);
        mutations.extend([flipped, shorter, longer]);
        if place > 0 {
            let mut swapped = proof.to_vec();
            swapped.swap(place - 1, place);
            mutations.push(swapped);
        }
    }
    mutations
}

#[track_caller]
fn assert_proved(claim: &Claim, proof: &[Hash], how: usize) {
    assert!(claim.holds(proof), "{claim:?} by {proof:?}");
    for wrong in mutations(proof, how) {
        assert!(!claim.holds(&wrong), "{claim:?} by {wrong:?}");
    }
    for how in how..how + 4 {
        assert!(!claim.changed(how).holds(proof), "{:?} by {proof:?}", claim.changed(how));
    }
}

#[test]
fn leaves_and_nodes_have_the_hashes_that_sigstore_gives_them() {
    LazyLock::force(&TILES);
    for bytes in [b"".as_slice(), b"entry", &[0; 7000]] {
        assert_eq!(hash_leaf(bytes).as_bytes(), &leaf_hash(bytes).0);
    }
    let (left, right) = (Hash([1; 32]), Hash([2; 32]));
    let node = hash_children(&theirs(&left), &theirs(&right));
    assert_eq!(node.as_bytes(), &node_hash(&left, &right).0);
}

#[test]
fn sigstore_accepts_every_proof_of_small_trees_and_refuses_what_we_refuse() {
    let tiles = TILES.lock().unwrap();
    for new in 1..=40 {
        let new_root = root(&Widest(&tiles), new).unwrap();
        for at in 0..new {
            let proof = inclusion_proof(&Widest(&tiles), at, new).unwrap();
            let claim = Claim::Included(leaf_hash(&entry(at)), at, new, new_root);
            assert_proved(&claim, &proof, usize::try_from(at * 131).unwrap());
            let old = at + 1;
            let old_root = root(&Widest(&tiles), old).unwrap();
            let proof = consistency_proof(&Widest(&tiles), old, new).unwrap();
            let claim = Claim::Goes(old, old_root, new, new_root);
            assert_proved(&claim, &proof, usize::try_from(at * 137).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn sigstore_accepts_proofs_of_inclusion_of_any_tree_and_no_changed_one(
        (size, index) in (1..=LARGEST).prop_flat_map(|size| (Just(size), 0..size)),
        how: u16,
    ) {
        let tiles = TILES.lock().unwrap();
        let proof = inclusion_proof(&Widest(&tiles), index, size).unwrap();
        let root = root(&Widest(&tiles), size).unwrap();
        let claim = Claim::Included(leaf_hash(&entry(index)), index, size, root);
        assert_proved(&claim, &proof, how.into());
    }

    #[test]
    fn sigstore_accepts_proofs_of_consistency_of_any_trees_and_no_changed_one(
        (new, old) in (1..=LARGEST).prop_flat_map(|new| (Just(new), 1..=new)),
        how: u16,
    ) {
        let tiles = TILES.lock().unwrap();
        let proof = consistency_proof(&Widest(&tiles), old, new).unwrap();
        let (old_root, new_root) =
            (root(&Widest(&tiles), old).unwrap(), root(&Widest(&tiles), new).unwrap());
        assert_proved(&Claim::Goes(old, old_root, new, new_root), &proof, how.into());
    }

    #[test]
    fn sigstore_and_we_agree_on_what_is_no_proof(
        sizes: [u64; 2],
        hashes in prop::collection::vec(any::<[u8; 32]>().prop_map(Hash), 2..70),
    ) {
        let [one, other] = sizes;
        let (old, new) = (one.min(other).max(1), one.max(other));
        let [first, second, proof @ ..] = hashes.as_slice() else { return Ok(()) };
        assert!(!Claim::Included(*first, old, new, *second).holds(proof));
        assert!(!Claim::Goes(old, *first, new, *second).holds(proof));
    }
}
