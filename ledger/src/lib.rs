//! The ledger: an append-only log whose every promise can be checked by someone who trusts nobody.

mod sequence;

pub mod log;

pub use sequence::Sequence;
