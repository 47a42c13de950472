//! How a reader without a writer learns what is committed: it reads the tail of the log anew.

use super::OpenError;
use super::committed::{ActivePayloads, Committed};
use super::damage::{damaged, io_error};
use super::disk::Disk;
use super::frame::{Point, Position, Stop};
use super::names::Series;
use super::payload::{Name, PayloadSegment, Place};
use super::segment::EventSegment;
use super::walk::{Tail, scan};
use crate::log::ReadError;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The log in `dir` up to the start of its last segment.
pub(super) fn load(disk: &dyn Disk, dir: &Path) -> Result<Committed, OpenError> {
    let segments = Series::Events.numbers(disk, dir)?;
    let last = segments.last().copied().filter(|_| segments.first() == Some(&0));
    let last = last.ok_or_else(|| OpenError::NoLog { dir: dir.display().to_string() })?;
    let active = EventSegment::open(disk, dir, last, false)?;
    let tail = active.start();
    let mut committed =
        Committed { segments, active: Arc::new(active), points: Vec::new(), tail, payloads: None };
    if tail.payloads.end > 0 {
        match PayloadNews::find(disk, dir, None, tail.payloads)? {
            Ok(news) => news.apply(&mut committed),
            Err((segment, at, stop)) => {
                return Err(damaged(&segment.path, at, stop.describe()).into());
            }
        }
    }
    Ok(committed)
}

/// What a look for news starts from.
pub(super) struct Known {
    active: Arc<EventSegment>,
    tail: Tail,
    last_point: Option<u64>,
    payloads: Option<(Arc<PayloadSegment>, u64)>,
}

impl Known {
    /// What is known of the log so far.
    pub(super) fn of(committed: &Committed) -> Self {
        let payloads = committed.payloads.as_ref();
        Self {
            active: Arc::clone(&committed.active),
            tail: committed.tail,
            last_point: committed.points.last().map(|point| point.offset),
            payloads: payloads.map(|active| (Arc::clone(&active.segment), active.end)),
        }
    }
}

/// Where a reader that knows so much of the log stops, and why: the file, the place, and what
/// stands there instead of what would go on.
pub(super) fn obstacle(
    disk: &dyn Disk,
    dir: &Path,
    known: &Known,
) -> Result<(PathBuf, u64, &'static str), ReadError> {
    let active = &known.active;
    let scan = scan(&*active.file, known.tail, known.last_point, Position::MAX);
    let scan = scan.map_err(io_error(&active.path))?;
    let position = scan.tail.payloads;
    if position != known.tail.payloads
        && let Err((segment, at, stop)) =
            PayloadNews::find(disk, dir, known.payloads.clone(), position)?
    {
        return Ok((segment.path.clone(), at, stop.describe()));
    }
    Ok((active.path.clone(), scan.stopped_at, scan.stop.describe()))
}

/// What was committed since.
pub(super) struct News {
    tail: Tail,
    points: Vec<Point>,
    payloads: Option<PayloadNews>,
    /// The segment that follows the one that was active.
    rolled: Option<EventSegment>,
}

impl News {
    /// Looks behind what is known; nothing when nothing new is whole and durable.
    pub(super) fn find(
        disk: &dyn Disk,
        dir: &Path,
        known: &Known,
    ) -> Result<Option<Self>, ReadError> {
        let active = &known.active;
        let mut payloads_max = Position::MAX;
        let (scan, payloads) = loop {
            let scan = scan(&*active.file, known.tail, known.last_point, payloads_max);
            let scan = scan.map_err(io_error(&active.path))?;
            let position = scan.tail.payloads;
            if position == known.tail.payloads {
                break (scan, None);
            }
            match PayloadNews::find(disk, dir, known.payloads.clone(), position)? {
                Ok(payloads) => break (scan, Some(payloads)),
                // That batch is still being written, or waits for the recovery of its writer.
                Err((segment, end, _)) => {
                    payloads_max = Position { segment: segment.number, end };
                }
            }
        };
        let mut news = Self { tail: scan.tail, points: scan.points, payloads, rolled: None };
        if news.tail != known.tail {
            active.file.sync().map_err(io_error(&active.path))?;
        }
        let next_path = Series::Events.path(dir, news.tail.next);
        if let Some((crc, _)) = scan.seal
            && news.tail.next > active.first
            && disk.open(&next_path, false).is_ok()
        {
            let next = EventSegment::open(disk, dir, news.tail.next, false)?;
            if next.previous.2 != crc {
                return Err(damaged(&next_path, 0, "it does not follow the segment before it"));
            }
            news.rolled = Some(next);
        }
        let is_news = news.tail != known.tail || news.rolled.is_some();
        Ok(is_news.then_some(news))
    }

    /// Makes it known.
    pub(super) fn apply(self, committed: &mut Committed) {
        committed.tail = self.tail;
        committed.points.extend(self.points);
        if let Some(payloads) = self.payloads {
            payloads.apply(committed);
        }
        if let Some(next) = self.rolled {
            committed.segments.push(next.first);
            committed.tail = next.start();
            committed.points.clear();
            committed.active = Arc::new(next);
        }
    }
}

/// What was committed to the payload store.
struct PayloadNews {
    segment: Arc<PayloadSegment>,
    end: u64,
    places: Vec<(Name, Place)>,
}

impl PayloadNews {
    /// Reads the payload store up to `position`, from the segment and place known, and syncs it.
    ///
    /// When it is not intact up to there, says where not.
    #[expect(clippy::type_complexity, reason = "two ways to fail, and one of them is no error")]
    fn find(
        disk: &dyn Disk,
        dir: &Path,
        known: Option<(Arc<PayloadSegment>, u64)>,
        position: Position,
    ) -> Result<Result<Self, (Arc<PayloadSegment>, u64, Stop)>, ReadError> {
        let known = known.filter(|(segment, _)| segment.number == position.segment);
        let (segment, from) = if let Some(known) = known {
            known
        } else {
            let segment = PayloadSegment::open(disk, dir, position.segment, false)?;
            (Arc::new(segment), PayloadSegment::START)
        };
        let mut places = Vec::new();
        let mut keep = |name, place| places.push((name, place));
        if let Some((at, stop)) = segment.scan(from, position.end, &mut keep)? {
            return Ok(Err((segment, at, stop)));
        }
        segment.file.sync().map_err(io_error(&segment.path))?;
        Ok(Ok(Self { segment, end: position.end, places }))
    }

    fn apply(self, committed: &mut Committed) {
        let active = match committed.payloads.take() {
            Some(active) if active.segment.number == self.segment.number => active,
            Some(_) | None => ActivePayloads::new(self.segment),
        };
        let active = committed.payloads.insert(active);
        // A payload that was erased and came again stands further behind.
        active.places.extend(self.places);
        active.end = self.end;
    }
}
