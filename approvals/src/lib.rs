//! Who was asked: holds, votes, inbox and mail; so far it holds nothing.

mod fingerprint;

pub mod notice;

pub use fingerprint::fingerprint;
