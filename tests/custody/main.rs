//! Who may take payloads away, who keeps them, and how one finds out that somebody did.
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a suite looks for one kind of event")]

mod stage;

mod disk;

mod erasing;

mod operators;

mod holds;

mod ongoing;

mod kills;

mod retention;

mod keeping;

mod verifying;

mod tampering;

mod starts;
