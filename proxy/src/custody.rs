//! Opens the ledger for writing with all that belongs to it: its keys, its lock, its sealer. The
//! gateway does, and so do commands that add to the ledger while no gateway runs.

use crate::clock;
use crate::config::{Backend, Config, Durability, KEY_BYTES_MIN, KeyHash};
use crate::keys::{KEYS_FOLDER, KeyFileError, OPERATOR_KEY, random, read_or_make};
use crate::log_policy::log_policy;
use crate::payload_keys::{PayloadKeysError, payload_keys};
use crate::recover::{RecoverError, last_checkpoint_key};
use crate::upstream::TlsError;
use crate::witness::Witnesses;
use events::{Digest, Draft, FindingKind, FindingRaised, LedgerRecovered};
use ledger::backend::file::{self, FileLog, OpenError, Recovery};
use ledger::backend::memory::MemoryLog;
use ledger::log::Log;
use ledger::payload::Keys;
use ledger::sealer::{DirectoryLock, LogFiles, LostLock, Mended, POLICY, SealError, Sealer};
use ledger::{Cosigner, Entry, Ledger, Options, RecordError, Sealing, SealingTask, WriterTask};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tlog::{SigningKey, parse_private_key, private_key_text};

/// The index of the payload segment that is written is kept in memory; this bounds it to a few MiB.
const PAYLOAD_SEGMENT_BYTES_MAX: u64 = 16 << 20;

/// The folder of the ledger within the data folder.
pub const LEDGER_FOLDER: &str = "ledger";

/// The folder of the sealed logs within the data folder: one folder for each shard.
pub const TLOG_FOLDER: &str = "tlog";

/// The folder that keeps the last checkpoint, unless configured.
const LOCK_FOLDER: &str = "lock";

/// The name of the one shard that a gateway on its own writes: CloudEvents `source`.
const SHARD: &str = "countersign/0";

/// What its shard is called in paths.
pub const SHARD_PATH: &str = "0";

/// Why the ledger does not open for writing.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// A key's file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// A key is not one.
    #[error("the key `{path}` is not one: {detail}")]
    WrongKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// Payloads cannot be encrypted, or those of earlier runs not be read.
    #[error(transparent)]
    PayloadKeys(#[from] PayloadKeysError),
    /// The log.
    #[error("the ledger does not open: {0}")]
    Open(#[from] OpenError),
    /// The records are not what was signed, or it cannot be told.
    #[error("the ledger is not opened: {0}")]
    Seal(#[from] SealError),
    /// The ledger was sealed, and nothing is left of its checkpoints.
    #[error(
        "the ledger was sealed with `{key}`, but both its lock and its published checkpoint are \
         gone, so nobody can tell whether events are missing; put the lock back, or start once with \
         `--accept-lost-lock`, which is recorded"
    )]
    SealLost {
        /// The key of its last start.
        key: Arc<str>,
    },
    /// The last start cannot be found.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// TLS to witnesses.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The writer.
    #[error("the ledger's writer: {0}")]
    Writer(io::Error),
    /// What the recovery did cannot be recorded.
    #[error("the ledger does not record: {0}; see to its disk, then start again")]
    Record(#[from] RecordError),
}

/// The ledger, open for writing. One process has it at a time.
pub struct Custody {
    /// Where to record.
    pub ledger: Ledger,
    /// Its checkpoints; nothing for a ledger in memory.
    pub sealing: Option<Sealing>,
    /// The key of all marks.
    pub marks: [u8; 32],
    /// What the operator's key must hash to; nothing for a ledger in memory.
    pub operator: Option<KeyHash>,
    /// What was found.
    pub found: FoundLedger,
    writer: WriterTask,
    sealing_task: Option<SealingTask>,
}

/// What opening found.
#[derive(Clone, Copy, Debug, Default)]
pub struct FoundLedger {
    /// Events before anything was added.
    pub events: u64,
    /// Bytes of an unacknowledged tail that were cut and quarantined.
    pub cut_bytes: u64,
    /// What became of the sealed log's files.
    pub mended: Mended,
}

impl Custody {
    /// Opens the ledger that `config` names, recovers it, compares it with its last checkpoint, and
    /// records what the recovery cut. Nothing is recorded if the comparison fails.
    pub async fn open(config: &Config, lost_lock: LostLock) -> Result<Self, CustodyError> {
        let folder = config.data.join(LEDGER_FOLDER);
        let (log, recovery) = open(config, &folder)?;
        let marks = marks_key(config, &folder)?;
        let keys = payload_keys(config, &folder)?;
        let operator = operator_key(config)?;
        let mut sealer = sealer(config, &*log, lost_lock)?;
        let mut mended = sealer.as_ref().map(Sealer::mended).unwrap_or_default();
        let is_new = sealer.as_ref().is_some_and(|sealer| sealer.locked().is_none());
        let sealed_with = if is_new { last_checkpoint_key(&*log.reader())? } else { None };
        if let Some(key) = sealed_with.clone().filter(|_| lost_lock == LostLock::Refuse) {
            return Err(CustodyError::SealLost { key });
        }
        mended.lost_lock |= sealed_with.is_some();
        if let Some(sealer) = &mut sealer {
            // Before the first event, so that a crash behind it does not look like a lost lock.
            sealer.begin()?;
            let needed = config.checkpoints.witnesses_needed;
            let policy = log_policy(sealer.key().verifier(), &config.witnesses, needed);
            let (path, files) = (sealer.files().folder().join(POLICY), sealer.files());
            let failed = |source| SealError::File { path, source };
            files.put_policy(&policy).map_err(failed)?;
        }
        let witnesses = Witnesses::new(config)?.map(|them| Arc::new(them) as Arc<dyn Cosigner>);
        let events = log.next().number();
        let started = Ledger::start(log, options(config, keys));
        let (ledger, writer) = started.map_err(CustodyError::Writer)?;
        let interval = config.checkpoints.interval;
        let sealing = sealer
            .map(|sealer| Sealing::start(sealer, ledger.committed(), interval, witnesses.clone()));
        let (sealing, sealing_task) = sealing.unzip();
        if mended.lost_lock {
            note_lost_lock(&ledger).await?;
        }
        let cut_bytes = note_cuts(&ledger, &recovery, &folder).await?;
        let found = FoundLedger { events, cut_bytes, mended };
        Ok(Self { ledger, sealing, marks, operator, found, writer, sealing_task })
    }

    /// What must be waited for at the end; see [`Closing::close`].
    pub fn split(self) -> (Ledger, Option<Sealing>, Closing) {
        let Self { ledger, sealing, writer, sealing_task, .. } = self;
        (ledger, sealing, Closing { writer, sealing_task })
    }
}

/// What ends after every handle to the ledger is gone.
pub struct Closing {
    writer: WriterTask,
    sealing_task: Option<SealingTask>,
}

impl Closing {
    /// Waits until everything that was recorded is durable and sealed.
    pub async fn close(self) -> Result<(), CustodyError> {
        self.writer.join().await.map_err(CustodyError::Writer)?;
        if let Some(task) = self.sealing_task {
            task.join().await;
        }
        Ok(())
    }
}

fn open(config: &Config, folder: &Path) -> Result<(Box<dyn Log>, Recovery), OpenError> {
    match config.ledger.backend {
        Backend::Memory => Ok((Box::new(MemoryLog::new()), Recovery::default())),
        Backend::File => {
            let options = file::Options {
                shard: SHARD.into(),
                event_segment_bytes: config.ledger.segment_bytes,
                payload_segment_bytes: payload_segment_bytes(config),
                reserve_bytes: config.ledger.reserve_bytes,
                synced: config.ledger.durability == Durability::Synced,
                ..file::Options::default()
            };
            let (log, recovery) = FileLog::open(folder, &options)?;
            Ok((Box::new(log), recovery))
        }
    }
}

/// The size of a payload segment.
pub fn payload_segment_bytes(config: &Config) -> u64 {
    config.ledger.segment_bytes.min(PAYLOAD_SEGMENT_BYTES_MAX)
}

fn options(config: &Config, keys: Keys) -> Options {
    Options {
        source: SHARD.into(),
        queue_max: config.ledger.queue_records_max,
        append_timeout: config.ledger.append_timeout,
        keys,
    }
}

/// The key of all marks: made once, kept beside the ledger.
fn marks_key(config: &Config, folder: &Path) -> Result<[u8; 32], CustodyError> {
    let path = folder.join("marks.key");
    if config.ledger.backend == Backend::Memory {
        return random().map_err(|source| KeyFileError { path, source }.into());
    }
    let key = read_or_make(&path, || random().map(|key| key.to_vec()))?;
    let detail = "it does not have exactly 32 bytes".to_owned();
    key.try_into().map_err(|_| CustodyError::WrongKey { path, detail })
}

/// The key with which an operator may erase payloads over HTTP: made once, for whoever may read
/// the data folder.
fn operator_key(config: &Config) -> Result<Option<KeyHash>, CustodyError> {
    if config.ledger.backend == Backend::Memory {
        return Ok(None);
    }
    let path = config.data.join(KEYS_FOLDER).join(OPERATOR_KEY);
    let make = || Ok(format!("csop_{}\n", hexadecimal(&random()?)).into_bytes());
    let key = String::from_utf8(read_or_make(&path, make)?);
    let wrong = |detail| CustodyError::WrongKey { path: path.clone(), detail };
    let key = key.map_err(|_| wrong("it is not text".to_owned()))?;
    let key = key.trim();
    if key.len() < KEY_BYTES_MIN {
        // An emptied file must not let everybody erase.
        return Err(wrong("it is too short; remove the file to have another key made".to_owned()));
    }
    Ok(Some(KeyHash::of(key)))
}

/// The sealer of a ledger that outlives its process.
fn sealer(
    config: &Config,
    log: &dyn Log,
    lost_lock: LostLock,
) -> Result<Option<Sealer>, CustodyError> {
    if config.ledger.backend == Backend::Memory {
        return Ok(None);
    }
    let key = checkpoint_key(config)?;
    let files = LogFiles::new(config.data.join(TLOG_FOLDER).join(SHARD_PATH));
    let lock = config.checkpoints.lock.clone().unwrap_or_else(|| config.data.join(LOCK_FOLDER));
    let name = hexadecimal(&Sha256::digest(key.verifier().name()));
    let lock = DirectoryLock::open(&lock, &name).map_err(SealError::from)?;
    Ok(Some(Sealer::open(log.reader(), files, Box::new(lock), key, lost_lock)?))
}

/// The key that signs checkpoints: the one configured, or one that is made once.
fn checkpoint_key(config: &Config) -> Result<SigningKey, CustodyError> {
    let path = config.data.join(KEYS_FOLDER).join("checkpoints.key");
    let wrong = |detail| CustodyError::WrongKey { path: path.clone(), detail };
    let text = if let Some(key) = &config.checkpoints.key {
        key.expose().to_owned()
    } else {
        let make = || {
            let seed = random()?;
            let text = private_key_text(&origin(config, &seed)?, &seed);
            let text = text.map_err(io::Error::other)?;
            Ok(format!("{text}\n").into_bytes())
        };
        let bytes = read_or_make(&path, make)?;
        String::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?
    };
    let key = parse_private_key(text.trim()).map_err(|error| wrong(error.to_string()))?;
    match &config.checkpoints.origin {
        Some(origin) if origin != key.verifier().name() => Err(wrong(format!(
            "it is of the log `{}`, but the configuration says `{origin}`: a log keeps its name",
            key.verifier().name()
        ))),
        Some(_) | None => Ok(key),
    }
}

/// The log's name: the configured one, or one that nobody else has.
fn origin(config: &Config, seed: &[u8; 32]) -> io::Result<String> {
    if let Some(origin) = &config.checkpoints.origin {
        return Ok(origin.clone());
    }
    let key = SigningKey::from_seed(SHARD, seed).map_err(io::Error::other)?;
    let digest = Sha256::digest(key.verifier().public());
    let head = digest.get(..8).unwrap_or_default();
    Ok(format!("countersign-{}/{SHARD_PATH}", hexadecimal(head)))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        _ = write!(text, "{byte:02x}");
        text
    })
}

/// Records that nobody can tell whether events are missing before this.
async fn note_lost_lock(ledger: &Ledger) -> Result<(), RecordError> {
    let detail = "the lock of the last checkpoint was empty, and the operator said to go on";
    let (evidence, kind, tool_call) = (Vec::new(), FindingKind::LostLock, None);
    let fact = FindingRaised { detail: detail.to_owned(), evidence, kind, tool_call };
    ledger.record(plain(fact)).await?;
    Ok(())
}

async fn note_cuts(
    ledger: &Ledger,
    recovery: &Recovery,
    folder: &Path,
) -> Result<u64, RecordError> {
    let mut cut_bytes = 0;
    for cut in &recovery.cuts {
        cut_bytes += cut.bytes;
        let kept_in = cut.kept_in.strip_prefix(folder).unwrap_or(&cut.kept_in);
        let fact = LedgerRecovered {
            cut_bytes: cut.bytes,
            cut_digest: Digest(cut.sha256),
            quarantine: kept_in.display().to_string(),
        };
        ledger.record(Entry::from(plain(fact)).reserved()).await?;
    }
    Ok(cut_bytes)
}

/// An event that belongs to no call and no session.
pub fn plain<F>(fact: F) -> Draft<F> {
    Draft {
        id: clock::event_id(),
        time: clock::now(),
        session: None,
        cause: None,
        call: None,
        fact,
    }
}

#[cfg(test)]
mod tests;
