//! What others make of our evidence: they accept it, and refuse whatever was altered.
#![expect(clippy::panic, reason = "a suite stops at what it did not expect")]
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]
#![expect(clippy::print_stdout, reason = "how much was tried is worth knowing")]

mod sealed;

mod tampering;

mod page;

mod foreign;

mod gateway;

mod exported;

mod unsigned;
