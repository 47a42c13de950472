//! Calls that wait for people: held, decided, made once or not at all.
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]

mod stage;

mod spending;

mod tools;
