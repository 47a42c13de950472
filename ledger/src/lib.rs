//! The ledger: an append-only log whose every promise can be checked by someone who trusts nobody.

mod sequence;

pub mod log;

pub mod backend;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

pub mod payload;

mod recorded;

mod stall;

mod breaker;

mod written;

mod writer;

pub mod sealer;

mod sealing;

mod ledger;

pub use ledger::{Entry, Ledger, Options, Pending, RecordError, WriterTask};
pub use recorded::Recorded;
pub use sealing::{Cosigner, NotSealed, SealHealth, Sealing, SealingTask};
pub use sequence::Sequence;
pub use writer::Health;
pub use written::Written;
