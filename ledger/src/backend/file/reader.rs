//! Reads what a file log has committed, beside its writer or from another process. It never writes.

use super::OpenError;
use super::block;
use super::committed::Committed;
use super::damage::{damaged, io_error};
use super::disk::{Disk, RealDisk};
use super::follow::{self, Known, News};
use super::frame::Point;
use super::layout::size;
use super::payload::{Name, PayloadSegment, Place};
use super::recent::Recent;
use super::segment::{EventSegment, Seal};
use super::sidecar::{Sidecar, index_path};
use super::walk::Walk;
use crate::Sequence;
use crate::log::{Address, ReadError, Reader, Scope};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A reader of a file log.
///
/// One that was got from the log sees each batch as soon as it is durable. One that was opened by
/// itself, in any process, sees them when [`FileReader::refresh`] or [`Reader::next`] is called.
pub struct FileReader {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    committed: RwLock<Committed>,
    sealed: Recent<Sealed>,
    sealed_payloads: Recent<SealedPayloads>,
    /// Held while the tail is read anew; nothing when the writer tells what is committed.
    following: Option<Mutex<()>>,
}

struct Sealed {
    segment: EventSegment,
    seal: Seal,
}

struct SealedPayloads {
    segment: Arc<PayloadSegment>,
    end: u64,
    index: Sidecar,
}

/// A payload segment, and payloads in it.
pub(super) type Listed = (Arc<PayloadSegment>, Vec<(Name, Place)>);

/// A part of one segment to read from.
struct Span {
    source: Source,
    point: Point,
    limit: u64,
    next: u64,
}

enum Source {
    Active(Arc<EventSegment>),
    Sealed(Arc<Sealed>),
}

impl FileReader {
    /// Opens the log in `dir` for reading only, whether or not a writer has it open.
    ///
    /// It changes nothing in the directory and needs no lock. It fails when there is no log.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_on(Arc::new(RealDisk), dir)
    }

    pub(super) fn open_on(disk: Arc<dyn Disk>, dir: &Path) -> Result<Self, OpenError> {
        let committed = follow::load(&*disk, dir)?;
        let reader = Self::new(disk, dir, committed, Some(Mutex::default()));
        reader.refresh()?;
        Ok(reader)
    }

    /// The reader of a log in this process, which is told of every commit.
    pub(super) fn beside_writer(disk: Arc<dyn Disk>, dir: &Path, committed: Committed) -> Self {
        Self::new(disk, dir, committed, None)
    }

    fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        committed: Committed,
        following: Option<Mutex<()>>,
    ) -> Self {
        Self {
            disk,
            dir: dir.to_owned(),
            committed: RwLock::new(committed),
            sealed: Recent::new(),
            sealed_payloads: Recent::new(),
            following,
        }
    }

    /// Looks for batches that were committed since, and returns where the next record will stand.
    ///
    /// What it finds is synced before it is shown, so that nothing is read that a crash could
    /// take back. Does nothing for a reader that was got from its log.
    pub fn refresh(&self) -> Result<Sequence, ReadError> {
        if let Some(turn) = &self.following {
            let turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
            while self.look()? {}
            drop(turn);
        }
        Ok(self.read_committed(|committed| Sequence::new(committed.tail.next)))
    }

    /// Finds news without holding up readers, then publishes them; false when there are none.
    fn look(&self) -> Result<bool, ReadError> {
        let known = self.read_committed(Known::of);
        let Some(news) = News::find(&*self.disk, &self.dir, &known)? else { return Ok(false) };
        self.publish(|committed| news.apply(committed));
        Ok(true)
    }

    /// Runs `ask` on what is committed; it must not block.
    pub(super) fn read_committed<T>(&self, ask: impl FnOnce(&Committed) -> T) -> T {
        ask(&self.committed.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes what is committed, once it is durable.
    pub(super) fn publish(&self, change: impl FnOnce(&mut Committed)) {
        change(&mut self.committed.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The part of a segment in which the record `from` stands; nothing at the end of the log.
    fn span(&self, from: u64) -> Result<Option<Span>, ReadError> {
        let committed = self.committed.read().unwrap_or_else(PoisonError::into_inner);
        if from >= committed.tail.next {
            return Ok(None);
        }
        if from >= committed.active.first {
            let active = Arc::clone(&committed.active);
            let point = point_before(&committed.points, from);
            let point = point.ok_or_else(|| damaged(&active.path, 0, "it has no index"))?;
            let (limit, next) = (committed.tail.end, committed.tail.next);
            return Ok(Some(Span { source: Source::Active(active), point, limit, next }));
        }
        let index = committed.segments.partition_point(|first| *first <= from);
        let first = index.checked_sub(1).and_then(|index| committed.segments.get(index)).copied();
        let next = committed.segments.get(index).copied();
        drop(committed);
        let (Some(first), Some(next)) = (first, next) else {
            return Err(damaged(&self.dir, 0, format!("no segment has sequence {from}")));
        };
        let sealed = self.sealed.get(first, || self.open_sealed(first, next))?;
        let point = point_before(&sealed.seal.points, from);
        let point = point.ok_or_else(|| damaged(&sealed.segment.path, 0, "it has no index"))?;
        let (limit, next) = (sealed.seal.end, sealed.seal.next);
        Ok(Some(Span { source: Source::Sealed(sealed), point, limit, next }))
    }

    fn open_sealed(&self, first: u64, next: u64) -> Result<Sealed, ReadError> {
        let next = EventSegment::open(&*self.disk, &self.dir, next, false)?;
        let segment = EventSegment::open(&*self.disk, &self.dir, first, false)?;
        let seal = segment.seal(&next)?;
        Ok(Sealed { segment, seal })
    }

    /// Reads as [`Reader::read`] does, and tells which block of which file has each record.
    pub fn read_blocks(
        &self,
        from: Sequence,
        bytes_max: usize,
    ) -> Result<(Vec<Bytes>, Vec<Block>), ReadError> {
        let found = self.find(from, bytes_max)?;
        Ok((found.records, found.blocks))
    }

    /// Where reading ends, and why: the file, the byte, and what stands there instead of what would
    /// go on. For who expects more than there is.
    pub fn obstacle(&self) -> Result<(PathBuf, u64, &'static str), ReadError> {
        let known = self.read_committed(Known::of);
        follow::obstacle(&*self.disk, &self.dir, &known)
    }

    fn find(&self, from: Sequence, bytes_max: usize) -> Result<Found, ReadError> {
        let (records, blocks) = (Vec::new(), Vec::new());
        let mut found = Found { records, blocks, bytes: 0, bytes_max, next: from.number() };
        while !found.is_enough() {
            let Some(span) = self.span(found.next)? else { break };
            span.read(&mut found)?;
        }
        Ok(found)
    }

    /// Looks in a sealed payload segment.
    fn sealed_payload(&self, number: u64, name: Name) -> Result<Option<Bytes>, ReadError> {
        let sealed = self.sealed_payloads.get(number, || self.open_sealed_payloads(number))?;
        let place = if let Ok(place) = sealed.index.find(name) {
            place
        } else {
            let rebuilt = Arc::new(self.rebuild_index(number)?);
            self.sealed_payloads.put(number, Arc::clone(&rebuilt));
            rebuilt.index.find(name).map_err(io_error(&rebuilt.segment.path))?
        };
        place.map_or(Ok(None), |place| sealed.segment.read(name, place))
    }

    /// Every payload of these scopes in one segment, in the order in which they stand, and the
    /// segment; those that were erased may be among them. Bounded by the segment.
    pub(super) fn list_payloads(
        &self,
        number: u64,
        scopes: &BTreeSet<Scope>,
    ) -> Result<Listed, ReadError> {
        let active = self.read_committed(|committed| {
            let active = committed.payloads.as_ref().filter(|it| it.segment.number == number)?;
            let places = active.places.iter().filter(|((scope, _), _)| scopes.contains(scope));
            let payloads = places.map(|(name, place)| (*name, *place)).collect();
            Some((Arc::clone(&active.segment), payloads))
        });
        let (segment, mut payloads): Listed = match active {
            Some(active) => active,
            None => self.list_sealed(number, scopes)?,
        };
        payloads.sort_unstable_by_key(|(_, place)| place.offset);
        Ok((segment, payloads))
    }

    fn list_sealed(&self, number: u64, scopes: &BTreeSet<Scope>) -> Result<Listed, ReadError> {
        let list = |sealed: &SealedPayloads| {
            let mut payloads = Vec::new();
            let listed =
                scopes.iter().try_for_each(|scope| sealed.index.list(*scope, &mut payloads));
            listed.map(|()| (Arc::clone(&sealed.segment), payloads))
        };
        let sealed = self.sealed_payloads.get(number, || self.open_sealed_payloads(number))?;
        if let Ok(listed) = list(&sealed) {
            return Ok(listed);
        }
        let rebuilt = Arc::new(self.rebuild_index(number)?);
        self.sealed_payloads.put(number, Arc::clone(&rebuilt));
        list(&rebuilt).map_err(io_error(&rebuilt.segment.path))
    }

    fn open_sealed_payloads(&self, number: u64) -> Result<SealedPayloads, ReadError> {
        let segment = Arc::new(PayloadSegment::open(&*self.disk, &self.dir, number, false)?);
        let next = PayloadSegment::open(&*self.disk, &self.dir, number + 1, false)?;
        let end = next.previous_end;
        match Sidecar::open(&*self.disk, &index_path(&segment.path), number, end) {
            Some(index) => Ok(SealedPayloads { segment, end, index }),
            None => index_segment(segment, end),
        }
    }

    fn rebuild_index(&self, number: u64) -> Result<SealedPayloads, ReadError> {
        let sealed = self.open_sealed_payloads(number)?;
        index_segment(Arc::clone(&sealed.segment), sealed.end)
    }
}

impl Reader for FileReader {
    fn next(&self) -> Sequence {
        // A failed look shows in the next read; until then what was known stays true.
        self.refresh()
            .unwrap_or_else(|_| self.read_committed(|committed| Sequence::new(committed.tail.next)))
    }

    fn read(&self, from: Sequence, bytes_max: usize) -> Result<Vec<Bytes>, ReadError> {
        self.find(from, bytes_max).map(|found| found.records)
    }

    fn payload(&self, scope: Scope, address: Address) -> Result<Option<Bytes>, ReadError> {
        let name = (scope, address);
        let active = self.read_committed(|committed| {
            let active = committed.payloads.as_ref()?;
            Some((Arc::clone(&active.segment), active.places.get(&name).copied()))
        });
        match active {
            None => Ok(None),
            Some((segment, Some(place))) => segment.read(name, place),
            Some((segment, None)) => {
                let numbers = (0..segment.number).rev();
                let mut found = numbers.map(|number| self.sealed_payload(number, name));
                found.find_map(Result::transpose).transpose()
            }
        }
    }
}

/// Records of one block, for who must say where they stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The segment's file.
    pub file: PathBuf,
    /// The byte in it at which the block begins.
    pub byte: u64,
    /// How many of the records found, following those of the blocks before, are in it.
    pub records: usize,
}

/// What a read has found so far.
struct Found {
    records: Vec<Bytes>,
    blocks: Vec<Block>,
    bytes: usize,
    bytes_max: usize,
    next: u64,
}

impl Found {
    fn is_enough(&self) -> bool {
        !self.records.is_empty() && self.bytes >= self.bytes_max
    }

    /// Takes records of a block, the first of which is the next one, until there are enough.
    fn extend(&mut self, (file, byte): (&Path, u64), records: impl Iterator<Item = Bytes>) {
        let before = self.records.len();
        self.take(records);
        let records = self.records.len() - before;
        self.blocks.push(Block { file: file.to_owned(), byte, records });
    }

    fn take(&mut self, records: impl Iterator<Item = Bytes>) {
        for record in records {
            if self.is_enough() {
                break;
            }
            self.bytes += record.len();
            self.records.push(record);
            self.next += 1;
        }
    }
}

impl Span {
    fn read(&self, found: &mut Found) -> Result<(), ReadError> {
        let segment = match &self.source {
            Source::Active(active) => active.as_ref(),
            Source::Sealed(sealed) => &sealed.segment,
        };
        let mut walk = Walk::new(&*segment.file, (self.point.offset, self.point.seed), self.limit);
        let mut sequence = self.point.sequence;
        while !found.is_enough() && sequence < self.next {
            let at = walk.at();
            let step = walk.next().map_err(io_error(&segment.path))?;
            let step = step.map_err(|stop| damaged(&segment.path, at, stop.describe()))?;
            if step.frame.sequence != sequence {
                return Err(damaged(&segment.path, at, "the sequence does not follow"));
            }
            let first = sequence;
            let count = block::count(step.frame.body).filter(|_| step.frame.is_block());
            sequence = sequence.saturating_add(count.unwrap_or_default());
            if sequence > found.next {
                let records = segment.records(&step.frame, at)?;
                let records = records.into_iter().skip(size(found.next - first));
                found.extend((&segment.path, at), records);
            }
        }
        Ok(())
    }
}

fn point_before(points: &[Point], sequence: u64) -> Option<Point> {
    let index = points.partition_point(|point| point.sequence <= sequence);
    points.get(index.checked_sub(1)?).copied()
}

/// Reads a whole sealed payload segment for want of its index.
fn index_segment(segment: Arc<PayloadSegment>, end: u64) -> Result<SealedPayloads, ReadError> {
    let mut places: Vec<(Name, Place)> = Vec::new();
    let mut keep = |name, place| places.push((name, place));
    if let Some((at, stop)) = segment.scan(PayloadSegment::START, end, &mut keep)? {
        return Err(damaged(&segment.path, at, stop.describe()));
    }
    places.sort_unstable_by_key(|(name, _)| *name);
    let index = Sidecar::build(segment.number, end, &places);
    Ok(SealedPayloads { segment, end, index })
}
