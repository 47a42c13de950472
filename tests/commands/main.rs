//! The commands for policies and approvals, as the real program runs them.
#![expect(clippy::indexing_slicing, reason = "a suite stops at what it did not expect")]
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a suite looks for one kind of event")]

mod words;

mod policies;

mod replaying;

mod voting;
