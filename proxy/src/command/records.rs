//! Where a command reads events and payloads from: a ledger's folder, or a running gateway.

use super::CommandError;
use super::remote::Remote;
use crate::custody::LEDGER_FOLDER;
use analytics::{Fold, Projection};
use bytes::Bytes;
use events::{PayloadRef, SessionId};
use ledger::Sequence;
use ledger::backend::file::{FileReader, OpenError};
use ledger::log::Reader as _;
use ledger::payload;
use std::path::{Path, PathBuf};

/// How many bytes of events are read at once.
const READ_BYTES: usize = 1 << 20;

/// Where the ledger is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Place {
    /// The gateway's data folder.
    #[arg(long, value_name = "DIR", default_value = "./data")]
    pub(super) data: PathBuf,
    /// Ask a running gateway instead, such as `http://127.0.0.1:8081`.
    #[arg(long, conflicts_with = "data")]
    pub(super) url: Option<String>,
}

impl Place {
    /// A gateway's data folder on this machine.
    pub(super) fn folder(data: &Path) -> Self {
        Self { data: data.into(), url: None }
    }

    /// Opens it for reading, whether or not a gateway is writing there.
    pub(super) fn open(&self) -> Result<Records, CommandError> {
        match &self.url {
            Some(url) => Ok(Records::Gateway(Remote::new(url)?)),
            None => open(&self.data.join(LEDGER_FOLDER)),
        }
    }
}

fn open(folder: &Path) -> Result<Records, CommandError> {
    let absent = || {
        let shown = folder.display();
        let hint = "start `countersign serve` first, or say `--data DIR`";
        CommandError::Io(format!("no ledger in `{shown}`: {hint}"))
    };
    if !folder.is_dir() {
        return Err(absent());
    }
    match FileReader::open(folder) {
        Ok(reader) => Ok(Records::Folder(reader)),
        Err(OpenError::NoLog { .. }) => Err(absent()),
        Err(error) => Err(CommandError::Io(error.to_string())),
    }
}

/// An open ledger.
pub(super) enum Records {
    /// In a folder of this machine.
    Folder(FileReader),
    /// A gateway's.
    Gateway(Remote),
}

impl Records {
    /// The records from a sequence on, in order: at least one if there is one by now.
    pub(super) fn read(&self, from: u64) -> Result<Vec<Bytes>, CommandError> {
        match self {
            Self::Folder(reader) => reader
                .refresh()
                .and_then(|_| reader.read(Sequence::new(from), READ_BYTES))
                .map_err(|error| CommandError::Io(error.to_string())),
            Self::Gateway(remote) => remote.read(from),
        }
    }

    /// A payload, checked against its commitment; `None` when it is not kept.
    pub(super) fn payload(
        &self,
        session: SessionId,
        payload: &PayloadRef,
    ) -> Result<Option<Vec<u8>>, CommandError> {
        match self {
            Self::Folder(reader) => payload::load(reader, session, payload)
                .map_err(|error| CommandError::Io(error.to_string())),
            Self::Gateway(remote) => remote.payload(session, payload),
        }
    }

    /// Folds every event from the first on.
    pub(super) fn fold<P: Projection>(&self, projection: P) -> Result<Fold<P>, CommandError> {
        let mut fold = Fold::new(projection);
        loop {
            let records = self.read(fold.cursor())?;
            if records.is_empty() {
                return Ok(fold);
            }
            for record in &records {
                let applied = fold.apply_record(record);
                applied.map_err(|error| CommandError::Io(error.to_string()))?;
            }
        }
    }
}
