//! How a batch becomes durable: in which segments, by the journal or by syncs, and when readers
//! learn of it.

use super::FileLog;
use super::committed::ActivePayloads;
use super::payload::{Name, Place};
use super::room::Room;
use crate::log::{Batch, Sealed};
use std::io;
use std::sync::Arc;

impl FileLog {
    /// Makes a batch durable, and then known to readers.
    pub(super) fn commit(
        &mut self,
        batch: &Batch,
        fresh: &[&Sealed],
        room: Room,
    ) -> io::Result<()> {
        self.roll(room)?;
        let before = (self.events.tail.end, self.payloads.laid_out().offset);
        let places = self.payloads.lay_out(fresh);
        let (tail, points) = self.events.lay_out(&batch.records, self.payloads.position())?;
        self.make_durable()?;
        self.events.commit(tail, &points);
        self.stored_bytes += tail.end - before.0 + (tail.payloads.end - before.1);
        self.reader.publish(|committed| {
            committed.tail = tail;
            committed.points.extend(points);
            if let Some(active) = &mut committed.payloads {
                active.places.extend(places);
                active.end = tail.payloads.end;
            }
        });
        Ok(())
    }

    /// Makes what was laid out durable: in the journal before it is written to both segments, or,
    /// where it concerns one of them alone or is too large, by a sync of each.
    fn make_durable(&mut self) -> io::Result<()> {
        let pieces = [self.events.laid_out(), self.payloads.laid_out()];
        let bytes = pieces.iter().map(|piece| piece.bytes.len()).sum();
        let has_payloads = pieces.iter().all(|piece| !piece.bytes.is_empty());
        let journal = self.journal.as_mut();
        if let Some(journal) = journal.filter(|journal| has_payloads && journal.takes(bytes)) {
            if !journal.fits(bytes) {
                // Opened anew: the system tells each open file once of a failed sync, and the
                // writer has to hear of it too, before it leaves a segment.
                let payloads = self.payloads.active.as_ref().map(|(segment, _)| &segment.path);
                let paths = payloads.into_iter().chain([&self.events.segment.path]);
                let segments = paths.map(|path| self.disk.open(path, true));
                journal.turn(segments.collect::<io::Result<_>>()?)?;
            }
            journal.append(pieces)?;
            self.payloads.write()?;
            return self.events.write();
        }
        self.payloads.write()?;
        self.events.write()?;
        if has_payloads {
            self.payloads.sync()?;
        }
        self.events.segment.file.sync()
    }

    /// Goes on in the segments that were got for the next batch.
    ///
    /// Both that are left are synced first, so that the journal has nothing to say of them.
    fn roll(&mut self, room: Room) -> io::Result<()> {
        if room.payloads.is_some() || room.events.is_some() {
            self.payloads.sync()?;
            self.events.segment.file.sync()?;
        }
        if let Some(spare) = room.payloads {
            let sealed = self.reader.read_committed(|committed| {
                committed.payloads.as_ref().map(ActivePayloads::sorted).unwrap_or_default()
            });
            let sealed: Vec<(Name, Place)> = sealed;
            self.payloads.roll(&*self.disk, &self.dir, spare, &sealed)?;
            if let Some((segment, _)) = &self.payloads.active {
                let active = ActivePayloads::new(Arc::clone(segment));
                self.reader.publish(|committed| committed.payloads = Some(active));
            }
        }
        if let Some(spare) = room.events {
            self.events.roll(&*self.disk, &self.dir, spare)?;
            let (active, tail) = (Arc::clone(&self.events.segment), self.events.tail);
            self.reader.publish(|committed| {
                committed.segments.push(active.first);
                committed.active = active;
                committed.points.clear();
                committed.tail = tail;
            });
        }
        Ok(())
    }
}
