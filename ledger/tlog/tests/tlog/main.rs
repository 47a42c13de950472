//! The log that others can verify, against known answers, another implementation and hostile input.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod forest;

mod trees;

mod tiles;

mod proofs;

mod sigstore;

mod notes;

mod policies;

mod witnesses;

mod strangers;
