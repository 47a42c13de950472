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

mod durable;
mod erasure;

pub use error::OpenError;
pub use options::Options;
pub use quarantine::Cut;
pub use reader::{Block, FileReader};
pub use recovery::Recovery;

use super::check_limits;
use crate::Sequence;
use crate::log::{Address, AppendError, Batch, Erased, Log, Reader, Scope, Sealed};
use disk::{Disk, DiskFile, RealDisk, is_full};
use eraser::redo;
use event_writer::EventWriter;
use filler::{Filler, Workers};
use journal::Journal;
use names::Series;
use opening::{cannot_prepare, check_options, lock, start, watch_over};
use payload_writer::PayloadWriter;
use recovery::{Recovered, recover};
use relaxed::RelaxedDisk;
use replay::replay;
use reserve::Reserve;
use room::Room;
use std::collections::HashSet;
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
        self.erase_payloads(scopes)
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
