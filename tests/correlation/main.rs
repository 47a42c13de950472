//! Whether calls that belong together are found to, without any help from the agents.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is surprised should stop"
)]

mod world;

mod adversaries;
mod replay;
mod restart;
mod results;
mod sessions;
mod tools;
