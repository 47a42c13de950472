//! Evidence, as the real program hands it out, checked with nothing but what is in it.
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]

mod bundle;

mod ledgers;

mod commands;

mod streams;
