//! What is committed at some moment: the one thing that the writer and all readers share.

use super::frame::Point;
use super::payload::{Name, PayloadSegment, Place};
use super::segment::EventSegment;
use super::walk::Tail;
use std::collections::HashMap;
use std::sync::Arc;

/// The committed part of a log.
pub(super) struct Committed {
    /// The first record of every event segment, in order; the last one is active.
    pub(super) segments: Vec<u64>,
    /// The segment that is written.
    pub(super) active: Arc<EventSegment>,
    /// Its index: a point at its first record, and then one every so many bytes.
    pub(super) points: Vec<Point>,
    /// Where it ends.
    pub(super) tail: Tail,
    /// The payload segment that is written; nothing before the first payload.
    pub(super) payloads: Option<ActivePayloads>,
}

/// The payload segment that is written, and where its payloads stand.
///
/// Bounded by the segment: a payload takes at least a frame's head of it.
pub(super) struct ActivePayloads {
    pub(super) segment: Arc<PayloadSegment>,
    /// Where the committed frames end.
    pub(super) end: u64,
    pub(super) places: HashMap<Name, Place>,
}

impl ActivePayloads {
    /// A segment without payloads.
    pub(super) fn new(segment: Arc<PayloadSegment>) -> Self {
        Self { segment, end: PayloadSegment::START, places: HashMap::new() }
    }

    /// Every payload, sorted by name.
    pub(super) fn sorted(&self) -> Vec<(Name, Place)> {
        let mut all: Vec<_> = self.places.iter().map(|(name, place)| (*name, *place)).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }
}
