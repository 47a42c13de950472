//! What the suites share: fixtures and clients; it tests nothing by itself.
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a suite looks for one kind of event")]

pub mod patience;

pub mod tools;

pub mod verifiers;

pub mod disk;

pub mod wire;

pub mod upstream;

pub mod mcp;

pub mod tool_server;

pub mod records;

pub mod gateway;

pub mod witness;

pub mod script;

pub mod recordings;

pub mod standins;

pub mod group;

pub mod inbox;

pub mod webhook;

pub mod issuer;

pub mod webdriver;

pub mod element;

pub mod browser;

pub mod openid;

pub mod scanner;

pub mod sdk;
