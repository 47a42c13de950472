//! The embedded log: segments of checksummed frames in a directory, the default backend. What is on
//! the disk is described in docs/formats/file-log.md, and why so in docs/decisions.

mod options;

mod damage;
mod disk;
mod layout;

mod relaxed;

mod block;
mod frame;
mod header;
mod names;

mod compression;
mod torn;

mod payload;
mod sidecar;
mod walk;

mod segment;

mod committed;
mod quarantine;
mod recent;

mod filler;

mod reserve;
mod watch;

mod erasing;
mod journal;

mod event_writer;
mod payload_writer;

mod room;

mod error;

mod replay;

mod follow;
mod reader;

mod eraser;
mod recovery;

mod opening;

pub use error::OpenError;
pub use options::Options;
pub use quarantine::Cut;
pub use reader::{Block, FileReader};
pub use recovery::Recovery;

use super::{check_limits, check_scopes};
use crate::Sequence;
use crate::log::{Address, AppendError, Batch, Erased, Log, ReadError, Reader, Scope, Sealed};
use committed::ActivePayloads;
use disk::{Disk, DiskFile, RealDisk, is_full};
use eraser::{Eraser, redo};
use event_writer::EventWriter;
use filler::{Filler, Workers};
use journal::Journal;
use names::Series;
use opening::{cannot_prepare, check_options, lock, start, watch_over};
use payload::{Name, Place};
use payload_writer::PayloadWriter;
use recovery::{Recovered, recover};
use relaxed::RelaxedDisk;
use replay::replay;
use reserve::Reserve;
use room::Room;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use watch::Watch;

/// A log in a directory, open for writing.
///
/// An append is acknowledged when its batch is synced to the disk, and costs one sync's latency: in
/// the journal, where it has payloads, and else in the event segment.
pub struct FileLog {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    reader: Arc<FileReader>,
    events: EventWriter,
    payloads: PayloadWriter,
    /// Nothing where nothing is synced.
    journal: Option<Journal>,
    reserve: Reserve,
    watch: Watch,
    /// Why an append ended unknown; nothing is written any more then.
    poisoned: Option<String>,
    stored_bytes: u64,
    /// Dropped last: whoever opens the log next must find it at rest.
    _lock: Box<dyn Send>,
}

impl FileLog {
    /// Opens the log in `dir`, which is made if it is not there, and recovers it.
    ///
    /// Blocks for as long as it takes to read the last segments. Only a torn tail that was never
    /// acknowledged is cut, and [`Recovery`] says so; all other damage is an error, and nothing is
    /// changed then but that batches of the journal are in their segments.
    pub fn open(dir: &Path, options: &Options) -> Result<(Self, Recovery), OpenError> {
        let open = |disk: Arc<dyn Disk>| Self::open_on(disk, dir, options, Workers::Threads);
        if options.synced {
            return open(Arc::new(RealDisk));
        }
        // What an earlier run has acknowledged is made durable before nothing is any more.
        let (_, recovery) = open(Arc::new(RealDisk))?;
        Ok((open(Arc::new(RelaxedDisk))?.0, recovery))
    }

    fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: &Options,
        workers: Workers,
    ) -> Result<(Self, Recovery), OpenError> {
        let shard = check_options(options)?;
        disk.create_dir(dir).map_err(cannot_prepare(dir))?;
        let lock = lock(&*disk, dir)?;
        let filler = |series: Series, bytes: u64| {
            let path = series.dir(dir);
            disk.create_dir(&path)?;
            Filler::new(Arc::clone(&disk), &path, bytes, workers)
        };
        let mut event_filler =
            filler(Series::Events, options.event_segment_bytes).map_err(cannot_prepare(dir))?;
        let payload_filler =
            filler(Series::Payloads, options.payload_segment_bytes).map_err(cannot_prepare(dir))?;
        let is_new = |series: Series| Ok::<_, OpenError>(series.numbers(&*disk, dir)?.is_empty());
        if is_new(Series::Events)? && is_new(Series::Payloads)? {
            if journal::was_used(&*disk, dir) {
                let file = Series::Events.path(dir, 0).display().to_string();
                return Err(OpenError::Missing { file });
            }
            journal::create(&*disk, dir, options.journal_bytes).map_err(cannot_prepare(dir))?;
        }
        // A process that was killed may have left names that are not durable yet.
        let series = [Series::Events, Series::Payloads].map(|series| series.dir(dir));
        let around = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        for path in around.into_iter().chain([dir]).chain(series.iter().map(PathBuf::as_path)) {
            disk.sync_dir(path).map_err(cannot_prepare(path))?;
        }
        let unfinished = redo(&*disk, dir, shard)?;
        let replayed = replay(&*disk, dir, shard)?;
        let recovered = match recover(&*disk, dir, shard)? {
            Some(recovered) => recovered,
            None => start(&*disk, dir, (options, shard), &mut event_filler)?,
        };
        // Only now is it known that nothing else is needed to make the log whole.
        let (clean, cut) = replayed.clean(&*disk, dir)?;
        let room = (shard, clean.capacity);
        let watch = watch_over(&disk, dir)?;
        let reserve = Reserve::take_room(Arc::clone(&disk), dir, options.reserve_bytes, workers);
        let reserve = reserve.map_err(cannot_prepare(dir))?;
        let journal = options.synced.then(|| Journal::new(clean.files, room, workers));
        let Recovered { committed, mut recovery } = recovered;
        recovery.cuts.extend(cut);
        let payloads = PayloadWriter::new(committed.payloads.as_ref(), payload_filler, shard);
        let events = EventWriter::new(
            Arc::clone(&committed.active),
            (committed.tail, committed.points.clone()),
            event_filler,
            options.dictionary_bytes,
        );
        let events = events.map_err(cannot_prepare(dir))?;
        let reader = Arc::new(FileReader::beside_writer(Arc::clone(&disk), dir, committed));
        let dir = dir.to_owned();
        let mut log = Self {
            disk,
            dir,
            reader,
            events,
            payloads,
            journal,
            reserve,
            watch,
            poisoned: None,
            stored_bytes: 0,
            _lock: lock,
        };
        log.prepare_segments();
        if let Some(scopes) = unfinished {
            recovery.erased.extend(&scopes);
            log.eraser(scopes, true).erase()?;
            log.forget(&recovery.erased.iter().copied().collect());
        }
        Ok((log, recovery))
    }

    /// The reader of this log.
    pub fn file_reader(&self) -> Arc<FileReader> {
        Arc::clone(&self.reader)
    }

    /// The payloads of a batch that the active segment does not have yet, each once.
    fn fresh<'a>(&self, batch: &'a Batch) -> Vec<&'a Sealed> {
        let mut seen: HashSet<(Scope, Address)> = HashSet::new();
        let mut fresh: Vec<&Sealed> = batch.payloads.iter().collect();
        fresh.retain(|payload| seen.insert((payload.scope, payload.address)));
        self.reader.read_committed(|committed| {
            if let Some(active) = &committed.payloads {
                fresh.retain(|it| !active.places.contains_key(&(it.scope, it.address)));
            }
        });
        fresh
    }

    /// Has the next segments filled in the background, once those there are half full. A reserve
    /// that was used comes first.
    fn prepare_segments(&mut self) {
        if !self.reserve.is_whole() {
            return;
        }
        if self.events.is_half_full() {
            self.events.filler.prepare();
        }
        if self.payloads.is_half_full() {
            self.payloads.filler.prepare();
        }
    }

    /// Makes a batch durable, and then known to readers.
    fn commit(&mut self, batch: &Batch, fresh: &[&Sealed], room: Room) -> io::Result<()> {
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

    fn append_with(&mut self, batch: &Batch, reserved: bool) -> Result<(), AppendError> {
        self.check_poison()?;
        check_limits(batch)?;
        if batch.records.is_empty() {
            return Ok(());
        }
        if !reserved {
            self.refill()?;
        }
        let fresh = self.fresh(batch);
        let bytes = (EventWriter::bound(&batch.records), PayloadWriter::batch_bytes(&fresh));
        let reserve = reserved.then_some(&mut self.reserve);
        let room = Room::make((&mut self.events, &mut self.payloads), bytes, reserve);
        let room = room.map_err(|error| self.failed(&error))?;
        self.commit(batch, &fresh, room).map_err(|error| self.poison(&error))?;
        self.prepare_segments();
        Ok(())
    }

    /// Makes the reserve whole again, where it is not.
    fn refill(&mut self) -> Result<(), AppendError> {
        match self.reserve.refill() {
            Ok(true) => Ok(()),
            Ok(false) => {
                let dir = self.dir.display();
                let detail = format!("`{dir}`: there is no room for its reserve");
                Err(AppendError::Full { detail })
            }
            Err(error) => Err(self.poison(&error)),
        }
    }

    fn check_poison(&self) -> Result<(), AppendError> {
        match &self.poisoned {
            Some(detail) => Err(AppendError::Poisoned { detail: detail.clone() }),
            None => Ok(()),
        }
    }

    /// What a failure means where nothing of a batch was written yet.
    fn failed(&mut self, error: &io::Error) -> AppendError {
        if is_full(error) {
            return AppendError::Full { detail: format!("`{}`: {error}", self.dir.display()) };
        }
        self.poison(error)
    }

    fn eraser(&self, scopes: BTreeSet<Scope>, has_begun: bool) -> Eraser<'_> {
        let (disk, dir, reader) = (&*self.disk, self.dir.as_path(), &*self.reader);
        Eraser { disk, dir, shard: self.payloads.shard, reader, scopes, has_begun }
    }

    /// Leaves the journal without a copy of any payload, and without need of one.
    fn empty_journal(&mut self) -> io::Result<()> {
        self.payloads.sync()?;
        self.events.segment.file.sync()?;
        self.journal.as_mut().map_or(Ok(()), Journal::empty)
    }

    /// Takes note that the payloads of these scopes are erased: they may come again.
    fn forget(&self, scopes: &BTreeSet<Scope>) {
        self.reader.publish(|committed| {
            if let Some(active) = &mut committed.payloads {
                active.places.retain(|(scope, _), _| !scopes.contains(scope));
            }
        });
    }

    fn poison(&mut self, error: &impl Display) -> AppendError {
        let detail = format!("`{}`: {error}", self.dir.display());
        self.poisoned = Some(detail.clone());
        AppendError::Unknown { detail }
    }
}

impl Log for FileLog {
    fn append(&mut self, batch: &Batch) -> Result<(), AppendError> {
        self.append_with(batch, false)
    }

    fn append_reserved(&mut self, batch: &Batch) -> Result<(), AppendError> {
        self.append_with(batch, true)
    }

    fn check(&mut self) -> Result<(), AppendError> {
        self.check_poison()?;
        let events = &self.events.segment;
        let mut open: Vec<(&Path, &dyn DiskFile)> = vec![(&events.path, &*events.file)];
        if let Some((payloads, _)) = &self.payloads.active {
            open.push((&payloads.path, &*payloads.file));
        }
        if let Err(error) = self.watch.look(&open) {
            let detail = error.to_string();
            self.poisoned = Some(detail.clone());
            return Err(AppendError::Poisoned { detail });
        }
        self.refill()
    }

    fn is_on_reserve(&self) -> bool {
        !self.reserve.is_whole()
    }

    fn erase(&mut self, scopes: &[Scope]) -> Result<Erased, AppendError> {
        if let Some(detail) = &self.poisoned {
            return Err(AppendError::Poisoned { detail: detail.clone() });
        }
        check_scopes(scopes)?;
        let wanted: BTreeSet<Scope> = scopes.iter().copied().collect();
        let found = self.eraser(wanted.clone(), false).look();
        let found = found.map_err(|error| AppendError::Refused { reason: error.to_string() })?;
        if found.payloads == 0 {
            return Ok(found);
        }
        self.empty_journal().map_err(|error| self.poison(&error))?;
        let mut eraser = self.eraser(wanted.clone(), false);
        match (eraser.erase(), eraser.has_begun) {
            (Ok(()), _) => {}
            (Err(ReadError::Io { source, .. }), false) if is_full(&source) => {
                let detail = format!("`{}`: {source}", self.dir.display());
                return Err(AppendError::Full { detail });
            }
            (Err(error), _) => return Err(self.poison(&error)),
        }
        self.forget(&wanted);
        Ok(found)
    }

    fn next(&self) -> Sequence {
        Sequence::new(self.events.tail.next)
    }

    fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    fn reader(&self) -> Arc<dyn Reader> {
        self.file_reader()
    }
}

#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;
