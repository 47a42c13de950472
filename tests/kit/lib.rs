//! What the suites share: fixtures and clients; it tests nothing by itself.

pub mod recordings;
