//! Whether calls that belong together are found to, without any help from the agents.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that is surprised should stop"
)]
#![expect(clippy::print_stdout, reason = "a test that fails should say in which dialect")]

mod wire;

mod world;

mod adversaries;
mod replay;
mod restart;
mod results;
mod sessions;
mod tools;
