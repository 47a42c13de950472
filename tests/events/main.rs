//! The bytes of events: golden files for each kind, and properties of the encoding.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod examples;

mod golden;

mod explained;

mod properties;
