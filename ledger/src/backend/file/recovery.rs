//! Finds out, when a log is opened, what is committed; cuts a torn tail; refuses all other damage.

use super::OpenError;
use super::committed::{ActivePayloads, Committed};
use super::damage::{damaged, io_error};
use super::disk::{Disk, DiskFile, read_up_to};
use super::frame::{COMMIT_BYTES, Position, Stop};
use super::header::Shard;
use super::layout::size;
use super::names::Series;
use super::payload::{PayloadSegment, can_be_torn, extent_bytes};
use super::quarantine::{Cut, Leftovers};
use super::segment::EventSegment;
use super::torn::{Leftover, has_blank_sector};
use super::walk::{Scan, Tail, scan};
use crate::log::{ReadError, Scope};
use std::path::Path;
use std::sync::Arc;

/// What opening a log found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// How many event segments there are.
    pub segments: u64,
    /// How many payload segments there are.
    pub payload_segments: u64,
    /// How many records there are.
    pub records: u64,
    /// What was cut: at most a torn batch in the last event segment and its payloads.
    pub cuts: Vec<Cut>,
    /// The scopes of an erasure that a crash had interrupted, and that was finished.
    pub erased: Vec<Scope>,
}

/// A log that is known to be whole.
pub(super) struct Recovered {
    pub(super) committed: Committed,
    pub(super) recovery: Recovery,
}

/// Opens the log in `dir`; nothing when there is none yet.
pub(super) fn recover(
    disk: &dyn Disk,
    dir: &Path,
    shard: Shard,
) -> Result<Option<Recovered>, OpenError> {
    let mut segments = Series::Events.numbers(disk, dir)?;
    let payload_segments = Series::Payloads.numbers(disk, dir)?;
    if segments.is_empty() && payload_segments.is_empty() {
        return Ok(None);
    }
    let Events { active, unfinished } = open_events(disk, dir, &segments, shard)?;
    let last_payloads = open_payloads(disk, dir, &payload_segments, shard)?;
    let scan = scan(&*active.file, active.start(), None, Position::MAX);
    let mut scan = scan.map_err(io_error(&active.path))?;
    if scan.seal.is_some() {
        return Err(missing(dir, (Series::Events, scan.tail.next)));
    }
    let behind = Leftovers::read(&active.file, &active.path, scan.tail.end)?;
    let mut payloads = read_payloads(&scan, last_payloads, dir)?;
    match payloads.as_mut().and_then(LastPayloads::take_defect) {
        None => check_behind(&scan, &behind, &active)?,
        Some((payloads, at, stop)) => {
            if !behind.bytes.is_empty() || !is_torn_payload(&scan, payloads, at)? {
                return Err(damaged(&payloads.segment.path, at, stop.describe()).into());
            }
            drop_last_batch(&mut scan, payloads);
        }
    }
    if let Some(unfinished) = unfinished {
        disk.remove(&unfinished.path).map_err(io_error(&unfinished.path))?;
        disk.sync_dir(&Series::Events.dir(dir)).map_err(io_error(dir))?;
        segments.pop();
    }
    let payloads = payloads.map(|payloads| payloads.active);
    let cuts = cut(disk, dir, (&active, scan.tail.end), payloads.as_ref())?;
    settle(&scan, &active, payloads.as_ref())?;
    if scan.tail.end == active.start().end && active.first > 0 {
        settle_seal(disk, dir, &active)?;
    }
    let recovery = Recovery {
        segments: segments.len() as u64,
        payload_segments: payload_segments.len() as u64,
        records: scan.tail.next,
        cuts,
        erased: Vec::new(),
    };
    let (points, tail) = (scan.points, scan.tail);
    let committed = Committed { segments, active: Arc::new(active), points, tail, payloads };
    Ok(Some(Recovered { committed, recovery }))
}

fn missing(dir: &Path, (series, number): (Series, u64)) -> OpenError {
    OpenError::Missing { file: series.path(dir, number).display().to_string() }
}

/// The last event segments.
struct Events {
    /// The last one with a batch in it, or the first of all.
    active: EventSegment,
    /// An empty one behind it, when a crash came before `active` was sealed.
    unfinished: Option<EventSegment>,
}

/// Checks that the event segments follow each other, and opens the last one for writing.
fn open_events(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[u64],
    shard: Shard,
) -> Result<Events, OpenError> {
    let mut last: Option<EventSegment> = None;
    for (index, first) in segments.iter().enumerate() {
        let segment = EventSegment::open(disk, dir, *first, true)?;
        if segment.shard != shard {
            let (found, expected) = (segment.shard.name(), shard.name());
            let dir = dir.display().to_string();
            return Err(OpenError::OtherShard { dir, found, expected });
        }
        if let Some(active) = last.take() {
            match active.seal(&segment) {
                Ok(seal) if seal.next == *first => {}
                Ok(seal) => return Err(missing(dir, (Series::Events, seal.next))),
                Err(ReadError::Damaged { .. })
                    if index + 1 == segments.len() && is_empty(&segment)? =>
                {
                    return Ok(Events { active, unfinished: Some(segment) });
                }
                Err(error) => return Err(error.into()),
            }
        } else if *first != 0 {
            return Err(missing(dir, (Series::Events, 0)));
        }
        last = Some(segment);
    }
    let active = last.ok_or_else(|| missing(dir, (Series::Events, 0)))?;
    Ok(Events { active, unfinished: None })
}

/// Whether nothing was ever written behind the header.
fn is_empty(segment: &EventSegment) -> Result<bool, ReadError> {
    let behind = Leftovers::read(&segment.file, &segment.path, segment.start().end)?;
    Ok(behind.bytes.is_empty())
}

/// Checks that the payload segments follow each other, and opens the last one for writing.
fn open_payloads(
    disk: &dyn Disk,
    dir: &Path,
    segments: &[u64],
    shard: Shard,
) -> Result<Option<PayloadSegment>, OpenError> {
    let mut last: Option<PayloadSegment> = None;
    for (expected, number) in (0_u64..).zip(segments) {
        if *number != expected {
            return Err(missing(dir, (Series::Payloads, expected)));
        }
        let segment = PayloadSegment::open(disk, dir, *number, true)?;
        if segment.shard != shard {
            let detail = format!("it belongs to shard `{}`", segment.shard.name());
            return Err(damaged(&segment.path, 0, detail).into());
        }
        if let Some(previous) = last {
            let length = previous.file.length().map_err(io_error(&previous.path))?;
            if length < segment.previous_end {
                let detail = format!("the file was cut: it ended at {}", segment.previous_end);
                return Err(damaged(&previous.path, length, detail).into());
            }
        }
        last = Some(segment);
    }
    Ok(last)
}

/// The last payload segment, and where it is not intact although its batch is committed.
struct LastPayloads {
    active: ActivePayloads,
    defect: Option<(u64, Stop)>,
}

impl LastPayloads {
    fn take_defect(&mut self) -> Option<(&mut ActivePayloads, u64, Stop)> {
        let (at, stop) = self.defect.take()?;
        Some((&mut self.active, at, stop))
    }
}

/// Reads the last payload segment up to where the last commit says that it goes.
fn read_payloads(
    scan: &Scan,
    last: Option<PayloadSegment>,
    dir: &Path,
) -> Result<Option<LastPayloads>, OpenError> {
    let position = scan.tail.payloads;
    let missing = || Err(missing(dir, (Series::Payloads, position.segment)));
    let Some(segment) = last else {
        return if position == Position::default() { Ok(None) } else { missing() };
    };
    if segment.number < position.segment {
        return missing();
    }
    let is_next = segment.number == position.segment + 1
        && segment.previous_end == position.end.max(PayloadSegment::START);
    if segment.number > position.segment && !is_next {
        let detail = "no committed event follows the payload segment before it";
        return Err(damaged(&segment.path, 0, detail).into());
    }
    let end = if is_next { PayloadSegment::START } else { position.end.max(PayloadSegment::START) };
    let mut active = ActivePayloads::new(Arc::new(segment));
    let places = &mut active.places;
    let mut keep = |name, place| {
        places.insert(name, place);
    };
    let defect = active.segment.scan(PayloadSegment::START, end, &mut keep)?;
    active.end = end;
    Ok(Some(LastPayloads { active, defect }))
}

/// Whether the defect at `at` can come from a torn write of the last batch's payloads.
fn is_torn_payload(scan: &Scan, active: &ActivePayloads, at: u64) -> Result<bool, ReadError> {
    let Some(before) = scan.before_last else { return Ok(false) };
    if before.payloads.segment == active.segment.number && at < before.payloads.end {
        return Ok(false);
    }
    let path = &active.segment.path;
    // No append is acknowledged, or torn, behind the end of its file.
    if active.segment.file.length().map_err(io_error(path))? < active.end {
        return Ok(false);
    }
    let mut bytes = vec![0; size(active.end.saturating_sub(at))];
    let count = read_up_to(&*active.segment.file, &mut bytes, at).map_err(io_error(path))?;
    bytes.truncate(count);
    let extent = extent_bytes(&bytes);
    // An erased payload is blank, and what is broken around it was not left so by an append.
    if !can_be_torn(&bytes, at) {
        return Ok(false);
    }
    Ok(extent <= size(active.end - at) && has_blank_sector(&bytes, at, 0..extent))
}

/// Takes back the last batch, whose payloads did not become durable.
fn drop_last_batch(scan: &mut Scan, active: &mut ActivePayloads) {
    let Some(before) = scan.before_last.take() else { return };
    scan.tail = before;
    scan.points.retain(|point| point.offset < before.end);
    let is_same = active.segment.number == before.payloads.segment;
    let end = if is_same { before.payloads.end } else { 0 }.max(PayloadSegment::START);
    active.end = end;
    active.places.retain(|_, place| place.offset < end);
}

/// Passes nothing, or a torn batch, behind the last commit.
fn check_behind(scan: &Scan, behind: &Leftovers, active: &EventSegment) -> Result<(), OpenError> {
    if behind.bytes.is_empty() {
        return Ok(());
    }
    let mut bytes = behind.bytes.clone();
    bytes.resize(bytes.len() + COMMIT_BYTES, 0);
    let (base, stopped_at, next) = (behind.from, scan.stopped_at, scan.tail.next);
    let leftover = Leftover { bytes: &bytes, base, stopped_at, next };
    leftover.check_torn().map_err(|(at, detail)| damaged(&active.path, at, detail).into())
}

/// Moves what stands behind the last commit into quarantine, in both files.
fn cut(
    disk: &dyn Disk,
    dir: &Path,
    (active, end): (&EventSegment, u64),
    payloads: Option<&ActivePayloads>,
) -> Result<Vec<Cut>, OpenError> {
    let behind = Leftovers::read(&active.file, &active.path, end)?;
    let mut cuts = Vec::new();
    cuts.extend(behind.keep(disk, dir, (Series::Events.name(), active.first))?);
    if let Some(ActivePayloads { segment, end, places: _ }) = payloads {
        let leftovers = Leftovers::read(&segment.file, &segment.path, *end)?;
        cuts.extend(leftovers.keep(disk, dir, (Series::Payloads.name(), segment.number))?);
        leftovers.blank()?;
    }
    behind.blank()?;
    Ok(cuts)
}

/// Writes the last batch once more and syncs it.
///
/// The page cache may hold, as clean, pages of a batch whose sync failed: only what is written
/// again is sure to reach the disk with the next sync.
fn settle(
    scan: &Scan,
    active: &EventSegment,
    payloads: Option<&ActivePayloads>,
) -> Result<(), OpenError> {
    let before: Option<Tail> = scan.before_last;
    if let Some(ActivePayloads { segment, end, places: _ }) = payloads {
        let from = before.map_or(*end, |before| {
            let is_same = before.payloads.segment == segment.number;
            if is_same {
                before.payloads.end.max(PayloadSegment::START)
            } else {
                PayloadSegment::START
            }
        });
        rewrite(&*segment.file, from, *end).map_err(io_error(&segment.path))?;
    }
    let end = scan.tail.end;
    let from = before.map_or(end, |before| before.end);
    Ok(rewrite(&*active.file, from, end).map_err(io_error(&active.path))?)
}

/// Writes once more the seal of the segment before one without batches: its sync is the last thing
/// before the first of them, and it may have failed or not have been reached.
fn settle_seal(disk: &dyn Disk, dir: &Path, active: &EventSegment) -> Result<(), OpenError> {
    let (first, seal_at, _) = active.previous;
    let path = Series::Events.path(dir, first);
    let file = disk.open(&path, true).map_err(io_error(&path))?;
    let seal = Leftovers::read(&file, &path, seal_at)?;
    let end = seal_at + seal.bytes.len() as u64;
    Ok(rewrite(&*file, seal_at, end).map_err(io_error(&path))?)
}

fn rewrite(file: &dyn DiskFile, from: u64, to: u64) -> std::io::Result<()> {
    let mut bytes = vec![0; size(to.saturating_sub(from))];
    let count = read_up_to(file, &mut bytes, from)?;
    bytes.truncate(count);
    if !bytes.is_empty() {
        file.write_at(&bytes, from)?;
    }
    file.sync()
}
