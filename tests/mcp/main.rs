//! Tool servers through the real program, message by message: what is recorded, denied, refused and
//! kept apart.
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::indexing_slicing, reason = "a suite stops at what it did not expect")]
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]

mod neighbour;
mod stage;

mod eras;
mod fail_closed;
mod faults;
mod framing;
mod giving_up;
mod legacy_news;
mod listening;
mod merged;
mod passing;
mod processes;
mod refused;
mod resuming;
mod servers;
