//! Witnesses: others that see each checkpoint of a log and vouch that it goes on from all that they
//! saw before. Both ends of the protocol: who asks them, and a small one to run on a second host.

mod client;

mod store;

mod cosign;

mod listener;

pub use client::Witnesses;
pub use cosign::{OpenError, Witness};
pub use listener::serve;
pub use store::StoreError;
