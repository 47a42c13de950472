//! JSON as a gateway must read it: one strict pass over the bytes, then views and edits that keep
//! every byte where it was. Nothing here builds a tree or re-types a value.
//!
//! The order of use: [`check`] once, where bytes come in; then [`members`], [`elements`], [`find`]
//! and [`string`] to look at parts; [`set`] and [`remove`] to change one member; [`canonical`] for
//! digests. The functions after `check` take text that it accepted. Given other text they do not
//! panic, but what they say about it means nothing.

mod fault;

mod number;

mod scan;

mod text;

mod keys;

mod check;

mod canonical;

mod view;

mod splice;

pub use canonical::canonical;
pub use check::{Limits, check};
pub use fault::{Fault, FaultKind};
pub use splice::{SpliceError, remove, set};
pub use text::string;
pub use view::{Elements, Member, Members, Part, elements, find, members};

#[cfg(test)]
mod tests;
