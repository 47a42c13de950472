//! People's side, for real: the servers, browser and scanner that stand in for people and their
//! surroundings, and what people do to held calls with them.
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a suite looks for one kind of event")]

mod pages;

mod browser;

mod mail;

mod scanner;

mod tokens;

mod webhook;

mod shots;

mod stage;

mod walk;

mod deciding;

mod pairs;

mod scanned;

mod local;

mod fences;

mod outages;

mod hooks;

mod passkeys;
