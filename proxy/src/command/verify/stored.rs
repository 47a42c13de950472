//! Evidence out of a ledger's own segments and payload store, next to the log's files.

use events::{Envelope, Event, EventId, PayloadRef, SessionId};
use ledger::Sequence;
use ledger::backend::file::FileReader;
use ledger::log::{ReadError, Reader as _};
use ledger::payload::{self, Keys, LoadError};
use ledger::sealer::LogFiles;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tlog::{BundleId, TILE_WIDTH, TileId, bundle_push};
use verify::{
    Check, Defect, Evidence, Fetched, Finding, NamedFile, PayloadState, Place, Report, Sink,
    SourceError, Stretch, log_directory,
};

/// How many bytes of records are read at once.
const READ_BYTES: usize = 1 << 20;

/// The most differences of files that are listed.
const LISTED_MAX: usize = 100;

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
    erased_since: OnceLock<BTreeSet<SessionId>>,
    /// How many events the checkpoint covers that is verified; a newer one may be published since.
    size: AtomicU64,
}

impl StoredLedger {
    /// The ledger that `reader` reads, whose log lies in `folder`.
    pub(super) fn new(reader: FileReader, keys: Option<Keys>, folder: PathBuf) -> Self {
        let log = Box::new(log_directory(folder.clone()));
        let (differing, erased_since) = (Mutex::default(), OnceLock::new());
        let size = AtomicU64::new(0);
        Self { reader, keys, log, folder, differing, erased_since, size }
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

    /// The sessions whose payloads were erased behind the checkpoint, or are being erased: asked
    /// for and not reported yet, by a gateway that goes on with it or that will at its next start.
    fn erased_since(&self) -> &BTreeSet<SessionId> {
        self.erased_since.get_or_init(|| {
            let size = self.size.load(Ordering::Relaxed);
            let mut erased = Erased { size, ..Erased::default() };
            let mut next = 0;
            // What was asked for since the ledger was opened counts as well.
            _ = self.reader.next();
            while let Ok(records) = self.reader.read(Sequence::new(next), READ_BYTES) {
                if records.is_empty() {
                    break;
                }
                for record in records {
                    next += 1;
                    erased.note(&record);
                }
            }
            erased.sessions.extend(erased.open.into_values().flatten());
            erased.sessions
        })
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

/// Collects what was erased.
#[derive(Default)]
struct Erased {
    size: u64,
    sessions: BTreeSet<SessionId>,
    /// What was asked for and is not reported as done.
    open: BTreeMap<EventId, Vec<SessionId>>,
}

impl Erased {
    fn note(&mut self, record: &[u8]) {
        if !record.windows(ERASURE.len()).any(|window| window == ERASURE) {
            return;
        }
        let Ok(envelope) = Envelope::parse(record) else { return };
        if let Event::EraseRequested(fact) = envelope.event {
            self.open.insert(envelope.id, fact.sessions);
        } else if let Event::PayloadErased(fact) = envelope.event {
            envelope.cause.and_then(|request| self.open.remove(&request));
            if envelope.sequence >= self.size {
                self.sessions.extend(fact.sessions);
            }
        }
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
        match payload::load(&self.reader, keys, session, payload) {
            Ok(Some(_)) => PayloadState::Present,
            Ok(None) if self.erased_since().contains(&session) => PayloadState::Unread,
            Ok(None) => PayloadState::Absent,
            Err(LoadError::KeyMissing { .. }) => PayloadState::Undecryptable,
            Err(
                error @ (LoadError::Read(_) | LoadError::Keys { .. } | LoadError::Damaged { .. }),
            ) => PayloadState::Damaged(error.to_string()),
        }
    }
}
