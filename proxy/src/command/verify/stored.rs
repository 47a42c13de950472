//! Evidence out of a ledger's own segments and payload store, next to the log's files.

use events::{Envelope, EraseRequested, Event, EventId, PayloadErased, PayloadRef, SessionId};
use ledger::Sequence;
use ledger::backend::file::FileReader;
use ledger::log::{ReadError, Reader as _};
use ledger::payload::{Keys, LoadError, Recent};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Sessions erased behind the checkpoint, while a gateway goes on, or being erased.
    erased_since: OnceLock<Erased>,
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
        let (differing, erased_since) = (Mutex::default(), OnceLock::new());
        let (size, unsigned, recent) = <(AtomicU64, AtomicU64, Mutex<Recent>)>::default();
        Self { reader, keys, log, folder, differing, erased_since, size, unsigned, recent }
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
                "{unsigned} payloads are absent, and what says that they were erased stands \
                 behind the checkpoint, where nobody signed it: the gateway's next start does"
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
        if std::fs::read(&path).is_ok_and(|found| found == bundle) {
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

    /// The sessions whose payloads were erased behind the checkpoint, or are being erased: asked
    /// for and not reported yet, by a gateway that goes on with it or will at its next start.
    fn erased_since(&self) -> &Erased {
        self.erased_since.get_or_init(|| {
            let size = self.size.load(Ordering::Relaxed);
            let mut erased = Erased { size, ..Erased::default() };
            let mut next = 0;
            while let Ok(records) = self.reader.read(Sequence::new(next), READ_BYTES) {
                if records.is_empty() {
                    break;
                }
                for record in records {
                    next += 1;
                    erased.note(&record);
                }
            }
            erased
        })
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

/// Whether the checkpoint covers that an erasure was asked for.
enum Asked {
    Signed,
    Unsigned,
}

/// Collects what was erased.
#[derive(Default)]
struct Erased {
    size: u64,
    /// What was asked for, and is not reported as done where that would be signed.
    open: BTreeMap<EventId, Vec<SessionId>>,
    /// What was asked for or done without a signed request.
    unsigned: BTreeSet<SessionId>,
}

impl Erased {
    fn note(&mut self, record: &[u8]) {
        if !record.windows(ERASURE.len()).any(|window| window == ERASURE) {
            return;
        }
        let Ok(envelope) = Envelope::parse(record) else { return };
        let is_signed = envelope.sequence < self.size;
        match envelope.event {
            Event::EraseRequested(fact) if is_signed => {
                self.open.insert(envelope.id, fact.sessions);
            }
            Event::PayloadErased(_) if is_signed => {
                envelope.cause.and_then(|request| self.open.remove(&request));
            }
            Event::EraseRequested(EraseRequested { sessions, .. })
            | Event::PayloadErased(PayloadErased { sessions, .. }) => {
                self.unsigned.extend(sessions);
            }
            _ => {}
        }
    }

    /// Whether a session is erased since; nothing says so where neither does.
    fn of(&self, session: SessionId) -> Option<Asked> {
        if self.open.values().any(|sessions| sessions.contains(&session)) {
            return Some(Asked::Signed);
        }
        self.unsigned.contains(&session).then_some(Asked::Unsigned)
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
        let mut bundle = Vec::new();
        let mut next = 0;
        while next < size {
            let read = self.reader.read_blocks(Sequence::new(next), READ_BYTES);
            let (records, blocks) = match read {
                Ok((records, blocks)) if !records.is_empty() => (records, blocks),
                Ok(_) => {
                    let detail = format!("the ledger ends at event {next}");
                    let file = self.log.file("");
                    give(sink, Stretch::missing(next, size - next, file, detail));
                    return Ok(());
                }
                Err(ReadError::Io { path, source }) => {
                    return Err(SourceError { file: path, source });
                }
                Err(ReadError::Damaged { path, offset, detail }) => {
                    let mut stretch = Stretch::new(next, size - next, path.into());
                    stretch.defect = Some(Defect { byte: Some(offset), detail });
                    give(sink, stretch);
                    return Ok(());
                }
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

    fn payload(&self, _at: u64, session: SessionId, payload: &PayloadRef) -> PayloadState {
        let Some(keys) = &self.keys else { return PayloadState::Unread };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        match recent.load(&self.reader, keys, session, payload) {
            Ok(Some(_)) => PayloadState::Present,
            Ok(None) => match self.erased_since().of(session) {
                Some(Asked::Signed) => PayloadState::Unread,
                Some(Asked::Unsigned) => {
                    self.unsigned.fetch_add(1, Ordering::Relaxed);
                    PayloadState::Unread
                }
                None => PayloadState::Absent,
            },
            Err(LoadError::KeyMissing { .. }) => PayloadState::Undecryptable,
            Err(
                error @ (LoadError::Read(_) | LoadError::Keys { .. } | LoadError::Damaged { .. }),
            ) => PayloadState::Damaged(error.to_string()),
        }
    }
}
