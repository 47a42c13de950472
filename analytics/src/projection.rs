//! What a projection is: a fold over events in their order, and a cursor. It says nothing of where
//! a projection is kept.

use events::{Envelope, ParseError};

/// A read model that is folded from events and can be thrown away and folded again.
///
/// 1. What it is depends on the events applied and on nothing else: no clock, no chance.
/// 2. It takes every event, of whatever kind, and never fails: what it has no use for changes
///    nothing.
pub trait Projection {
    /// Takes in the next event.
    fn apply(&mut self, envelope: &Envelope);
}

/// Why a record cannot be folded in; the projection is as it was.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// Events are missing before this one.
    #[error("event {found} came where event {expected} should come; read on from {expected}")]
    Gap {
        /// The cursor.
        expected: u64,
        /// The sequence of what came.
        found: u64,
    },
    /// A record is not an event.
    #[error("record {sequence} of the ledger cannot be read: {source}")]
    Unreadable {
        /// Where it stands.
        sequence: u64,
        /// What is wrong with it.
        source: ParseError,
    },
}

/// A projection and how far it has read: each event of one shard is applied once, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold<P> {
    projection: P,
    cursor: u64,
    unknown: u64,
}

impl<P: Projection> Fold<P> {
    /// A projection that has read nothing yet.
    pub const fn new(projection: P) -> Self {
        Self { projection, cursor: 0, unknown: 0 }
    }

    /// The sequence of the next event to apply.
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// How many events were passed over because this version does not know their kind.
    pub const fn unknown(&self) -> u64 {
        self.unknown
    }

    /// Applies an event; one that was applied before changes nothing.
    pub fn apply(&mut self, envelope: &Envelope) -> Result<(), FoldError> {
        if envelope.sequence < self.cursor {
            return Ok(());
        }
        if envelope.sequence > self.cursor {
            return Err(FoldError::Gap { expected: self.cursor, found: envelope.sequence });
        }
        self.projection.apply(envelope);
        self.cursor += 1;
        Ok(())
    }

    /// Applies the record that stands at the cursor, from its canonical bytes.
    pub fn apply_record(&mut self, record: &[u8]) -> Result<(), FoldError> {
        match Envelope::parse(record) {
            Ok(envelope) => self.apply(&envelope),
            Err(ParseError::Unknown { .. }) => {
                self.cursor += 1;
                self.unknown += 1;
                Ok(())
            }
            Err(source @ (ParseError::Json(_) | ParseError::Sequence(_))) => {
                Err(FoldError::Unreadable { sequence: self.cursor, source })
            }
        }
    }

    /// What was folded so far.
    pub const fn projection(&self) -> &P {
        &self.projection
    }

    /// What was folded so far, to keep.
    pub fn into_projection(self) -> P {
        self.projection
    }
}
