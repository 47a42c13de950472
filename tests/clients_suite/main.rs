//! Clients that other people wrote run through the real program and notice nothing.
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]

mod script;

mod models;

mod tool_servers;

mod held;

mod oauth;
