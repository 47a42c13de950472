//! Evidence out of a ledger's own segments and payload store, next to the log's files.

use events::{Envelope, Event, PayloadRef, SessionId};
use ledger::Sequence;
use ledger::backend::file::FileReader;
use ledger::log::{ReadError, Reader as _};
use ledger::payload::{Keys, LoadError, Recent};
use ledger::sealer::LogFiles;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tlog::{BundleId, Note, TILE_WIDTH, TileId, bundle_push};
use verify::{
    Check, Defect, Evidence, Fetched, Finding, NamedFile, PayloadState, Place, Report, Sink,
    SourceError, Stretch, log_directory,
};

/// How many bytes of records are read at once.
const READ_BYTES: usize = 1 << 20;

/// The most differences of files that are listed.
const LISTED_MAX: usize = 100;

/// How often a later checkpoint is looked for.
const LOOKED_EVERY: Duration = Duration::from_millis(50);

/// A ledger in a data folder.
pub(super) struct StoredLedger {
    reader: FileReader,
    /// Nothing where payloads are left unread.
    keys: Option<Keys>,
    log: Box<dyn Evidence>,
    folder: PathBuf,
    /// Entry bundles that do not hold the ledger's records.
    differing: Mutex<Vec<String>>,
    /// Erasures under the checkpoint.
    signed: OnceLock<Erasures>,
    /// Erasures behind it, where nobody signed them.
    since: Mutex<Erasures>,
    /// How many records the checkpoint covers.
    size: AtomicU64,
    /// How many payloads are absent of sessions erased behind it.
    unsigned: AtomicU64,
    recent: Mutex<Recent>,
}

impl StoredLedger {
    /// The ledger that `reader` reads, whose log lies in `folder`.
    pub(super) fn new(reader: FileReader, keys: Option<Keys>, folder: PathBuf) -> Self {
        let log = Box::new(log_directory(folder.clone()));
        let (differing, signed, since) = (Mutex::default(), OnceLock::new(), Mutex::default());
        let (size, unsigned, recent) = <(AtomicU64, AtomicU64, Mutex<Recent>)>::default();
        Self { reader, keys, log, folder, differing, signed, since, size, unsigned, recent }
    }

    /// Adds what was found besides what every verification looks at.
    pub(super) fn tell(&self, report: &mut Report) {
        let differing = self.differing.lock().unwrap_or_else(PoisonError::into_inner);
        for file in differing.iter() {
            let detail =
                "it does not hold the records of the ledger; the next start makes it again";
            let finding = Finding::new(Check::Files, detail);
            report.findings.add(finding.at(Place::of(file)));
        }
        let unsigned = self.unsigned.load(Ordering::Relaxed);
        if unsigned > 0 {
            let detail = format!(
                "{unsigned} payloads are absent, and what says that they were erased stands behind \
                 the checkpoint, where nobody signed it: the next start of the gateway does"
            );
            report.findings.add(Finding::new(Check::Payloads, detail));
        }
    }

    /// Whether payloads are absent for a reason that nobody signed, and within the patience there
    /// is a later checkpoint to ask.
    pub(super) fn is_overtaken(&self, patience: Duration) -> bool {
        let size = self.size.load(Ordering::Relaxed);
        let until = Instant::now() + patience;
        while self.unsigned.load(Ordering::Relaxed) > 0 && Instant::now() < until {
            if size < self.sealed_size() {
                return true;
            }
            std::thread::sleep(LOOKED_EVERY);
        }
        false
    }

    /// Compares a bundle of records with the file that should hold them.
    fn compare(&self, id: BundleId, bundle: &[u8]) {
        let path = self.folder.join(id.path());
        // One that a running gateway has replaced by a wider one is as good.
        let wider = || LogFiles::new(self.folder.clone()).bundle(id).ok().flatten();
        if std::fs::read(&path).ok().or_else(wider).is_some_and(|found| found == bundle) {
            return;
        }
        let mut differing = self.differing.lock().unwrap_or_else(PoisonError::into_inner);
        if differing.len() < LISTED_MAX {
            differing.push(path.display().to_string());
        }
    }

    /// Adds a record, behind which `next` stands in a log of `size`, to the bundle that it is in.
    fn gather(&self, bundle: &mut Vec<u8>, record: &[u8], (next, size): (u64, u64)) {
        // A record that is too long for a bundle is a finding of its own.
        _ = bundle_push(bundle, record);
        if !next.is_multiple_of(TILE_WIDTH) && next != size {
            return;
        }
        if let Some(id) = BundleId::of_log((next - 1) / TILE_WIDTH, size) {
            self.compare(id, bundle);
        }
        bundle.clear();
    }

    /// Whether a payload that an event names is absent because of an erasure that is on record
    /// behind the checkpoint alone: a gateway may go on meanwhile.
    fn is_erased_since(&self, at: u64, session: SessionId) -> bool {
        let size = self.size.load(Ordering::Relaxed);
        let signed = self.signed.get_or_init(|| {
            let mut signed = Erasures::default();
            signed.read(&self.reader, size);
            signed
        });
        // What was asked for under the checkpoint has a signed reason, whenever it is reported.
        if signed.account_for(at, session) {
            return false;
        }
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if !since.name(session) {
            since.next = since.next.max(size);
            // What was recorded since the ledger was opened counts as well.
            _ = self.reader.next();
            since.read(&self.reader, u64::MAX);
        }
        since.name(session)
    }

    /// Says that the ledger ends before it should: what is behind its end was taken away, or is
    /// damaged so that it looks like a batch that was never finished.
    fn cut(&self, (next, size): (u64, u64)) -> Stretch {
        let (file, byte, what) = match self.reader.obstacle() {
            Ok((path, byte, what)) => (path.display().to_string(), byte, what.to_owned()),
            Err(ReadError::Damaged { path, offset, detail }) => (path, offset, detail),
            Err(ReadError::Io { path, source }) => (path, 0, source.to_string()),
        };
        let mut stretch = Stretch::new(next, size - next, file.into());
        let detail = format!("the ledger ends at event {next}, because here {what}");
        stretch.defect = Some(Defect { byte: Some(byte), detail });
        stretch
    }

    fn sealed_size(&self) -> u64 {
        let Ok(Fetched::Bytes(note)) = self.log.checkpoint() else { return 0 };
        let checkpoint = Note::parse(&note).ok().and_then(|note| note.text().parse().ok());
        checkpoint.map_or(0, |checkpoint: tlog::Checkpoint| checkpoint.size)
    }
}

/// Gives the last stretch.
fn give(sink: Sink<'_>, stretch: Stretch) {
    // Nothing follows, whatever the answer.
    _ = sink(stretch);
}

fn size_of(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// What every record of an erasure has in it.
const ERASURE: &[u8] = b"\"payload.erase";

/// Erasures in a part of the ledger, by session: where the last one was asked for and reported.
#[derive(Default)]
struct Erasures {
    next: u64,
    asked: BTreeMap<SessionId, u64>,
    done: BTreeMap<SessionId, u64>,
}

impl Erasures {
    /// Goes on to `end`, or as far as the ledger can be read: what cannot is told elsewhere.
    fn read(&mut self, reader: &FileReader, end: u64) {
        while let Ok(records) = reader.read(Sequence::new(self.next), READ_BYTES) {
            if records.is_empty() {
                return;
            }
            for record in records {
                if end <= self.next {
                    return;
                }
                self.note(&record);
                self.next += 1;
            }
        }
    }

    fn note(&mut self, record: &[u8]) {
        if !record.windows(ERASURE.len()).any(|window| window == ERASURE) {
            return;
        }
        let Ok(envelope) = Envelope::parse(record) else { return };
        let next = self.next;
        if let Event::EraseRequested(fact) = envelope.event {
            self.asked.extend(fact.sessions.iter().map(|session| (*session, next)));
        } else if let Event::PayloadErased(fact) = envelope.event {
            self.done.extend(fact.sessions.iter().map(|session| (*session, next)));
        }
    }

    /// Whether one is of this session, asked for or only reported.
    fn name(&self, session: SessionId) -> bool {
        self.asked.contains_key(&session) || self.done.contains_key(&session)
    }

    /// Whether one is the reason that a payload is absent which the event at `at` names.
    fn account_for(&self, at: u64, session: SessionId) -> bool {
        let done = self.done.get(&session).copied();
        done.is_some_and(|done| at < done) || done < self.asked.get(&session).copied()
    }
}

impl Evidence for StoredLedger {
    fn checkpoint(&self) -> Result<Fetched, SourceError> {
        self.log.checkpoint()
    }

    fn trust(&self) -> Result<Option<NamedFile>, SourceError> {
        self.log.trust()
    }

    fn tile(&self, id: TileId) -> Result<Fetched, SourceError> {
        self.log.tile(id)
    }

    fn file(&self, path: &str) -> Arc<str> {
        self.log.file(path)
    }

    fn records(&self, size: u64, sink: Sink<'_>) -> Result<(), SourceError> {
        self.size.store(size, Ordering::Relaxed);
        // The checkpoint may be newer than what was there when the ledger was opened.
        if let Err(error) = self.reader.refresh() {
            return unread((0, size), error, sink);
        }
        let mut bundle = Vec::new();
        let mut next = 0;
        while next < size {
            let read = self.reader.read_blocks(Sequence::new(next), READ_BYTES);
            let (records, blocks) = match read {
                Ok((records, blocks)) if !records.is_empty() => (records, blocks),
                Ok(_) => {
                    give(sink, self.cut((next, size)));
                    return Ok(());
                }
                Err(error) => return unread((next, size), error, sink),
            };
            let mut records = records.iter();
            for block in blocks {
                let count = u64::try_from(block.records).unwrap_or(u64::MAX).min(size - next);
                let file = block.file.display().to_string().into();
                let mut stretch = Stretch::new(next, count, file);
                for record in records.by_ref().take(size_of(count)) {
                    stretch.push(record, block.byte);
                    next += 1;
                    self.gather(&mut bundle, record, (next, size));
                }
                if count > 0 && sink(stretch) == ControlFlow::Break(()) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn payload(&self, at: u64, session: SessionId, payload: &PayloadRef) -> PayloadState {
        let Some(keys) = &self.keys else { return PayloadState::Unread };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        match recent.load(&self.reader, keys, session, payload) {
            Ok(Some(_)) => PayloadState::Present,
            Ok(None) if self.is_erased_since(at, session) => {
                self.unsigned.fetch_add(1, Ordering::Relaxed);
                PayloadState::Unread
            }
            Ok(None) => PayloadState::Absent,
            Err(LoadError::KeyMissing { .. }) => PayloadState::Undecryptable,
            Err(LoadError::Read(ReadError::Damaged { path, offset, detail })) => {
                PayloadState::DamagedAt(Place::at(&path.into(), offset), detail)
            }
            Err(
                error @ (LoadError::Read(_) | LoadError::Keys { .. } | LoadError::Damaged { .. }),
            ) => PayloadState::Damaged(error.to_string()),
        }
    }
}

/// Says what is wrong with the records from one sequence to before another.
fn unread((next, size): (u64, u64), error: ReadError, sink: Sink<'_>) -> Result<(), SourceError> {
    match error {
        ReadError::Io { path, source } => Err(SourceError { file: path, source }),
        ReadError::Damaged { path, offset, detail } => {
            let mut stretch = Stretch::new(next, size - next, path.into());
            stretch.defect = Some(Defect { byte: Some(offset), detail });
            give(sink, stretch);
            Ok(())
        }
    }
}
