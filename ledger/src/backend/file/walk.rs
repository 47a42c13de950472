//! Goes through a segment frame by frame and batch by batch, in bounded memory. It only reads.

use super::block;
use super::disk::{DiskFile, read_up_to};
use super::frame::{Commit, Frame, Head, Kind, Point, Position, Stop};
use super::layout::size;
use std::io;

const WINDOW_BYTES: usize = 128 * 1024;

/// Every so many bytes of frames a segment's index has a point.
pub(super) const POINT_SPACING: u64 = 64 * 1024;

/// The frames of a file from some place to a limit.
pub(super) struct Walk<'a> {
    file: &'a dyn DiskFile,
    limit: u64,
    at: u64,
    seed: u32,
    window: Vec<u8>,
    window_at: u64,
}

/// One frame and where it stands.
pub(super) struct Step<'a> {
    pub(super) at: u64,
    pub(super) seed: u32,
    /// Where the next frame starts.
    pub(super) end: u64,
    pub(super) frame: Frame<'a>,
}

impl<'a> Walk<'a> {
    /// Starts at `at`, after a frame with checksum `seed`; no byte from `limit` on is looked at.
    pub(super) fn new(file: &'a dyn DiskFile, (at, seed): (u64, u32), limit: u64) -> Self {
        Self { file, limit, at, seed, window: Vec::new(), window_at: at }
    }

    /// Where the next frame is looked for.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The next frame, or why there is none.
    pub(super) fn next(&mut self) -> io::Result<Result<Step<'_>, Stop>> {
        let head = match Head::parse(self.bytes(8)?) {
            Ok(head) => head,
            Err(stop) => return Ok(Err(stop)),
        };
        let (at, seed) = (self.at, self.seed);
        let frame = self.bytes(head.frame_bytes())?;
        // Parsed twice because the checksum has to be stored before the frame is lent out.
        let crc = match Frame::parse(frame, seed) {
            Ok(frame) => frame.crc,
            Err(stop) => return Ok(Err(stop)),
        };
        let end = at + head.frame_bytes() as u64;
        self.at = end;
        self.seed = crc;
        let start = size(at - self.window_at);
        let lent = self.window.get(start..).unwrap_or_default();
        Ok(Frame::lend(lent).map(|frame| Step { at, seed, end, frame }))
    }

    /// The next `count` bytes, fewer at the limit or at the end of the file.
    fn bytes(&mut self, count: usize) -> io::Result<&[u8]> {
        let left = size(self.limit.saturating_sub(self.at));
        let count = count.min(left);
        let skip = size(self.at - self.window_at);
        if self.window.len() < skip + count {
            self.window.resize(count.max(WINDOW_BYTES).min(left), 0);
            let got = read_up_to(self.file, &mut self.window, self.at)?;
            self.window.truncate(got);
            self.window_at = self.at;
        }
        let skip = size(self.at - self.window_at);
        let window = self.window.get(skip..).unwrap_or_default();
        Ok(window.get(..count).unwrap_or(window))
    }
}

/// Everything that is committed in a segment up to some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    /// Where the last commit frame ends.
    pub(super) end: u64,
    /// Its checksum.
    pub(super) crc: u32,
    /// The next record.
    pub(super) next: u64,
    /// The payload store.
    pub(super) payloads: Position,
}

/// What [`scan`] found.
pub(super) struct Scan {
    pub(super) tail: Tail,
    /// The index points of committed records, in order.
    pub(super) points: Vec<Point>,
    /// The tail before the last batch; nothing when no batch was found.
    pub(super) before_last: Option<Tail>,
    /// The seal's checksum and end, when the segment is sealed right behind its last batch.
    pub(super) seal: Option<(u32, u64)>,
    /// Where the frames stop, and why.
    pub(super) stopped_at: u64,
    pub(super) stop: Stop,
}

/// Reads batches from `from` on as far as they are whole and in order.
///
/// The next index point stands [`POINT_SPACING`] after `last_point`, the last one known. It ends
/// before a batch with payloads behind `payloads_max`.
pub(super) fn scan(
    file: &dyn DiskFile,
    from: Tail,
    last_point: Option<u64>,
    payloads_max: Position,
) -> io::Result<Scan> {
    let mut found = Scan {
        tail: from,
        points: Vec::new(),
        before_last: None,
        seal: None,
        stopped_at: from.end,
        stop: Stop::Blank,
    };
    let mut walk = Walk::new(file, (from.end, from.crc), u64::MAX);
    let mut next = from.next;
    let mut last_point = last_point;
    loop {
        found.stopped_at = walk.at();
        let step = match walk.next()? {
            Ok(step) => step,
            Err(stop) => {
                found.stop = stop;
                break;
            }
        };
        let before = found.tail;
        if let Err(stop) = found.take(&step, &mut next, &mut last_point) {
            found.stop = stop;
            break;
        }
        if found.tail.payloads > payloads_max {
            (found.tail, found.stop) = (before, Stop::Malformed("its payloads are not there"));
            break;
        }
        if found.seal.is_some() {
            found.stopped_at = step.end;
            break;
        }
    }
    let end = found.tail.end;
    found.points.retain(|point| point.offset < end);
    Ok(found)
}

impl Scan {
    fn take(
        &mut self,
        step: &Step<'_>,
        next: &mut u64,
        last_point: &mut Option<u64>,
    ) -> Result<(), Stop> {
        let frame = &step.frame;
        if frame.sequence != *next {
            return Err(Stop::Malformed("the sequence does not follow"));
        }
        match frame.kind {
            Kind::Records | Kind::PackedRecords => {
                if is_point_due(*last_point, step.at) {
                    *last_point = Some(step.at);
                    let (sequence, offset) = (*next, step.at);
                    self.points.push(Point { sequence, offset, seed: step.seed });
                }
                let count = block::count(frame.body);
                let count = count.ok_or(Stop::Malformed("a block without records"))?;
                *next = next.checked_add(count).ok_or(Stop::Malformed("too many records"))?;
            }
            Kind::Commit => {
                let commit = Commit::parse(*next, frame.body)
                    .filter(|commit| commit.first == self.tail.next)
                    .ok_or(Stop::Malformed("the commit is not that of the records before it"))?;
                let payloads = commit.payloads;
                self.before_last = Some(self.tail);
                self.tail = Tail { end: step.end, crc: frame.crc, next: *next, payloads };
            }
            Kind::Seal if self.tail.end == step.at => self.seal = Some((frame.crc, step.end)),
            Kind::Seal => return Err(Stop::Malformed("a seal within a batch")),
        }
        Ok(())
    }
}

/// Whether the frame at `offset` gets an index point.
pub(super) fn is_point_due(last_point: Option<u64>, offset: u64) -> bool {
    last_point.is_none_or(|last| offset >= last + POINT_SPACING)
}
