//! Writes payloads, and the segments they stand in. It never reads back.

use super::committed::ActivePayloads;
use super::disk::Disk;
use super::filler::{Filler, Spare};
use super::frame::Position;
use super::header::{PayloadHeader, Shard};
use super::journal::Target;
use super::layout::short;
use super::names::Series;
use super::payload::{Name, PayloadSegment, Place, frame_bytes, push_payload};
use super::sidecar::{Sidecar, index_path};
use crate::log::Sealed;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The writer of payload segments.
pub(super) struct PayloadWriter {
    /// The segment that is written, and where its frames end; nothing before the first payload.
    pub(super) active: Option<(Arc<PayloadSegment>, u64)>,
    pub(super) filler: Filler,
    pub(super) shard: Shard,
    buffer: Vec<u8>,
}

impl PayloadWriter {
    /// Goes on where `active` ends.
    pub(super) fn new(active: Option<&ActivePayloads>, filler: Filler, shard: Shard) -> Self {
        let active = active.map(|active| (Arc::clone(&active.segment), active.end));
        Self { active, filler, shard, buffer: Vec::new() }
    }

    /// The bytes that these payloads take.
    pub(super) fn batch_bytes(payloads: &[&Sealed]) -> u64 {
        let frames = payloads.iter().map(|payload| frame_bytes(payload.bytes.len()) as u64);
        frames.sum()
    }

    /// The least size of a segment for payloads with this many bytes of frames.
    pub(super) fn segment_bytes(batch_bytes: u64) -> u64 {
        PayloadSegment::START + batch_bytes
    }

    /// Whether payloads with this many bytes of frames fit into the segment.
    ///
    /// An empty segment takes any batch, and grows where it has to.
    pub(super) fn fits(&self, batch_bytes: u64) -> bool {
        let has_room = self.active.as_ref().is_some_and(|(segment, end)| {
            *end == PayloadSegment::START || end + batch_bytes <= segment.capacity
        });
        batch_bytes == 0 || has_room
    }

    /// Whether it is time to make the next segment, or the first one, ready.
    pub(super) fn is_half_full(&self) -> bool {
        self.active.as_ref().is_none_or(|(segment, end)| *end > segment.capacity / 2)
    }

    /// Lays out payloads behind those that are written, and returns where they will stand.
    pub(super) fn lay_out(&mut self, payloads: &[&Sealed]) -> Vec<(Name, Place)> {
        self.buffer.clear();
        let Some((segment, end)) = &self.active else { return Vec::new() };
        let mut places = Vec::with_capacity(payloads.len());
        for payload in payloads {
            let offset = *end + self.buffer.len() as u64;
            let place = Place { offset, bytes: short(payload.bytes.len()) };
            places.push(((payload.scope, payload.address), place));
            push_payload(&mut self.buffer, payload, (segment.number, offset));
        }
        places
    }

    /// What was laid out, and where it goes.
    pub(super) fn laid_out(&self) -> Target<'_> {
        let (segment, offset) =
            self.active.as_ref().map_or((0, 0), |(segment, end)| (segment.number, *end));
        Target { segment, offset, bytes: &self.buffer }
    }

    /// Writes what was laid out; [`PayloadWriter::sync`] makes it durable.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let Some((segment, end)) = self.active.as_mut().filter(|_| !self.buffer.is_empty()) else {
            return Ok(());
        };
        segment.file.write_at(&self.buffer, *end)?;
        *end += self.buffer.len() as u64;
        Ok(())
    }

    /// Makes what was written durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.active.as_ref().map_or(Ok(()), |(segment, _)| segment.file.sync())
    }

    /// How far the store goes with all that was laid out; as a commit says it.
    pub(super) fn position(&self) -> Position {
        self.active.as_ref().map_or_else(Position::default, |(segment, end)| Position {
            segment: segment.number,
            end: *end + self.buffer.len() as u64,
        })
    }

    /// Goes on in a new segment, made from `spare`, durably.
    ///
    /// `sealed` are the payloads of the segment before, from which its index is written; readers
    /// do without where that fails.
    pub(super) fn roll(
        &mut self,
        disk: &dyn Disk,
        dir: &Path,
        spare: Spare,
        sealed: &[(Name, Place)],
    ) -> io::Result<()> {
        let mut header =
            PayloadHeader { shard: self.shard, capacity: spare.bytes, number: 0, previous_end: 0 };
        if let Some((previous, end)) = &self.active {
            let at = (previous.number, *end);
            if let Err(error) = Sidecar::write(disk, &index_path(&previous.path), at, sealed) {
                tracing::warn!(%error, "cannot write the index of a payload segment");
            }
            header.number = previous.number + 1;
            header.previous_end = *end;
        }
        spare.file.write_at(&header.encode(), 0)?;
        spare.file.sync()?;
        let path = Series::Payloads.path(dir, header.number);
        disk.rename(&spare.path, &path)?;
        disk.sync_dir(&Series::Payloads.dir(dir))?;
        let segment = PayloadSegment::new(path, spare.file, header);
        self.active = Some((Arc::new(segment), PayloadSegment::START));
        Ok(())
    }
}
