//! The ledger: an append-only log whose every promise can be checked by someone who trusts nobody.

mod sequence;

pub mod log;

pub mod backend;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

pub use sequence::Sequence;
