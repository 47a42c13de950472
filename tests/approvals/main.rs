//! Calls that wait for people: held, decided, made once or not at all.
#![expect(clippy::indexing_slicing, reason = "a suite stops at what it did not expect")]
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a suite looks for one kind of event")]

mod plan;

mod call;

mod stage;

mod voting;

mod scripted;
mod spending;

mod forged;

mod office;

mod tools;

mod limits;

mod changes;

mod expiry;

mod airline;

mod races;
mod reads;

mod clients;

mod verified;

mod faults;
mod pair;

mod processes;
