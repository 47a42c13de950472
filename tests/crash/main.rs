//! What was acknowledged survives: kills, failing disks, and bytes that changed.
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a suite looks for one kind of event")]
#![expect(clippy::print_stdout, reason = "how much was tried is worth knowing")]

mod witness;

mod observer;

mod kills;

mod disks;

mod traced;

mod single;

mod starts;

mod vanished;

mod damage;

mod flips;
