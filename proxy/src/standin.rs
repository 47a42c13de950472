//! Stand-in upstreams and agents that replay recorded sessions; no part of the path of a real call.
//!
//! The provider and the airline answer over real HTTP from recordings, and the player asks as an
//! ordinary agent does, through a gateway or directly. The demo, the tests and the benchmarks share
//! them. Nothing here is random and nothing reads a clock: the same play gives the same bytes,
//! apart from the ids of MCP sessions.

mod object;

pub mod conversation;
pub mod recording;
pub mod sse;

pub mod body;
pub mod server;

pub mod airline;
pub mod provider;

pub mod player;
