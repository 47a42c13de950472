//! What was acknowledged survives: kills, failing disks, and bytes that changed.
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]

mod witness;

mod kills;

mod disks;

mod damage;
