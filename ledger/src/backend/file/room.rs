//! The room that a batch needs besides what there is, got before anything of it is written.

use super::disk::is_full;
use super::event_writer::EventWriter;
use super::filler::{Filler, Spare};
use super::names::Series;
use super::payload_writer::PayloadWriter;
use super::reserve::Reserve;
use std::io;

/// The segments that a batch needs besides those there are.
pub(super) struct Room {
    pub(super) events: Option<Spare>,
    pub(super) payloads: Option<Spare>,
}

impl Room {
    /// Gets the segments for a batch of so many bytes of events and of payloads; where the disk is
    /// full, out of the reserve, if the batch may use it.
    pub(super) fn make(
        (events, payloads): (&mut EventWriter, &mut PayloadWriter),
        (event_bytes, payload_bytes): (u64, u64),
        mut reserve: Option<&mut Reserve>,
    ) -> io::Result<Self> {
        let mut room = Self { events: None, payloads: None };
        if !events.fits(event_bytes) {
            let bytes = events.segment_bytes(event_bytes);
            let reserve = reserve.as_deref_mut();
            room.events = Some(take(&mut events.filler, Series::Events, bytes, reserve)?);
        }
        if payloads.fits(payload_bytes) {
            return Ok(room);
        }
        let bytes = PayloadWriter::segment_bytes(payload_bytes);
        let taken = take(&mut payloads.filler, Series::Payloads, bytes, reserve.as_deref_mut());
        if let Some(spare) = room.events.take_if(|_| taken.is_err()) {
            let spare = match reserve {
                Some(reserve) => reserve.put_back(Series::Events, spare),
                None => Some(spare),
            };
            if let Some(spare) = spare {
                events.filler.put_back(spare);
            }
        }
        room.payloads = Some(taken?);
        Ok(room)
    }
}

fn take(
    filler: &mut Filler,
    series: Series,
    bytes: u64,
    reserve: Option<&mut Reserve>,
) -> io::Result<Spare> {
    match (filler.take(bytes), reserve) {
        (Err(error), Some(reserve)) if is_full(&error) => reserve.take(series, bytes).ok_or(error),
        (taken, _) => taken,
    }
}
