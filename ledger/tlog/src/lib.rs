//! A log that others can verify: the tree over entries, its tiles, proofs, signed checkpoints,
//! witnesses and policies, byte by byte as C2SP specifies them. Pure.
//!
//! The specifications, whose sections the documentation names, are `tlog-tiles`, `signed-note`,
//! `tlog-checkpoint`, `tlog-cosignature`, `tlog-proof`, `tlog-policy` and `tlog-witness` of
//! <https://c2sp.org>, and RFC 6962 and 9162 for the tree. Every parser takes bytes of strangers:
//! it is bounded, and refuses what it would not write itself.

mod hash;

mod decimal;

mod tile;

mod bundle;

mod proof;

mod tree;

mod check;

mod prover;

mod key;

mod note;

mod checkpoint;

mod skey;

mod policy;

mod tlog_proof;

mod witness;

pub use bundle::{
    BundleEntries, BundleError, BundleId, ENTRY_BYTES_MAX, bundle_entries, bundle_push,
};
pub use check::{ProofError, verify_consistency, verify_inclusion};
pub use checkpoint::{Checkpoint, CheckpointError, CosigningKey, TIME_MAX, verify_cosignature};
pub use hash::{HASH_BYTES, Hash, HashError, empty_root, leaf_hash, node_hash};
pub use key::{
    KEY_BYTES, KeyError, KeyId, KeyKind, NAME_BYTES_MAX, SIGNATURE_BYTES, VerifierKey, check_name,
};
pub use note::{
    NOTE_BYTES_MAX, Note, NoteError, NoteSignature, SIGNATURES_MAX, SignatureError, SigningKey,
    parse_signatures,
};
pub use policy::{Accepted, Log, POLICY_BYTES_MAX, Policy, PolicyError, Problem, Refusal, Witness};
pub use proof::{ReadError, TileSource, consistency_proof, inclusion_proof, root};
pub use prover::{Prover, ProverError};
pub use skey::{cosigning_key_text, parse_cosigning_key, parse_private_key, private_key_text};
pub use tile::{LEVEL_MAX, PathError, TILE_WIDTH, TileId, edge_tiles, tiles_since};
pub use tlog_proof::{
    EXTRA_BYTES_MAX, INCLUSION_HASHES_MAX, PROOF_BYTES_MAX, TlogProof, TlogProofError,
};
pub use tree::{TreeBuilder, TreeFull};
pub use witness::{
    AddCheckpoint, CONSISTENCY_HASHES_MAX, Decision, REQUEST_BYTES_MAX, SIZE_MEDIA_TYPE, TreeHead,
    WitnessError, decide, parse_cosignatures, parse_size,
};
