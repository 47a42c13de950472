//! Tool servers through the real program, message by message: what is recorded, denied, refused and
//! kept apart.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a suite stops at what it did not expect"
)]

mod stage;

mod neighbour;

mod passing;

mod merged;

mod refused;

mod framing;

mod faults;

mod fail_closed;

mod processes;
