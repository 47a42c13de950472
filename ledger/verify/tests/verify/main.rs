//! Evidence is verified as it is made, and no tampering goes unnoticed.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail"
)]

mod made;

mod logs;

mod events_wrong;

mod story;

mod grants;

mod votes;

mod signed;

mod exports;

mod payloads;

mod bits;

mod hostile;

mod web;

mod program;
