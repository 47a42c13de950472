//! Witnesses, by the real program: what they cosign and refuse, and who asks them.
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]

mod log;

mod protocol;

mod hostile;

mod kept;

mod kills;

mod disks;

mod quorum;

mod impostors;

mod published;
