//! The stand-in upstreams and agents, without a gateway: what they say is what was recorded.
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::indexing_slicing, reason = "a suite stops at what it did not expect")]
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]

mod airline;
mod client;
mod faults;
mod playing;
mod provider;
