//! What comes before recovery: a log's options, its lock, and the first segment of a new one.

use super::committed::Committed;
use super::compression;
use super::disk::{Disk, Lock};
use super::event_writer::{Start, create_segment};
use super::filler::Filler;
use super::frame::Position;
use super::header::{self, DICTIONARY_BYTES_MAX, Shard};
use super::journal::JOURNAL_BYTES_MAX;
use super::layout::SECTOR;
use super::recovery::{Recovered, Recovery};
use super::watch::Watch;
use super::{OpenError, Options, journal};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The file that the writer locks.
const LOCK: &str = "LOCK";

/// What a failure to make or lock something is called.
pub(super) fn cannot_prepare(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.display().to_string();
    move |source| OpenError::Prepare { path, source }
}

/// Refuses what cannot be, and gives the shard's name as files have it.
pub(super) fn check_options(options: &Options) -> Result<Shard, OpenError> {
    let refuse = |detail: String| OpenError::Options { detail };
    if options.dictionary_bytes > DICTIONARY_BYTES_MAX {
        let bytes = options.dictionary_bytes;
        return Err(refuse(format!(
            "a dictionary of {bytes} bytes, at most {DICTIONARY_BYTES_MAX} go"
        )));
    }
    if options.journal_bytes < SECTOR as u64 {
        let bytes = options.journal_bytes;
        return Err(refuse(format!("a journal of {bytes} bytes, at least {SECTOR} go")));
    }
    if options.journal_bytes > JOURNAL_BYTES_MAX {
        let bytes = options.journal_bytes;
        return Err(refuse(format!("a journal of {bytes} bytes, at most {JOURNAL_BYTES_MAX} go")));
    }
    Shard::new(&options.shard).ok_or_else(|| {
        refuse(format!("the shard's name `{}` has not 1 to 32 bytes", options.shard))
    })
}

/// Makes sure that no other process writes the log.
pub(super) fn lock(disk: &dyn Disk, dir: &Path) -> Result<Box<dyn Send>, OpenError> {
    let path = dir.join(LOCK);
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let owner = format!("pid {} boot {}\n", std::process::id(), boot.trim());
    match disk.lock(&path, &owner).map_err(cannot_prepare(&path))? {
        Lock::Held(lock) => Ok(lock),
        Lock::Taken(holder) => {
            let path = path.display().to_string();
            Err(OpenError::Held { path, holder: holder.trim().to_owned() })
        }
    }
}

/// Watches over the files that are written for as long as the log is open.
pub(super) fn watch_over(disk: &Arc<dyn Disk>, dir: &Path) -> Result<Watch, OpenError> {
    let mut watch = Watch::new(Arc::clone(disk));
    for path in journal::paths(dir).into_iter().chain([dir.join(LOCK)]) {
        watch.add(path).map_err(cannot_prepare(dir))?;
    }
    Ok(watch)
}

/// Makes the first segment of a new log.
pub(super) fn start(
    disk: &dyn Disk,
    dir: &Path,
    (options, shard): (&Options, Shard),
    filler: &mut Filler,
) -> Result<Recovered, OpenError> {
    let text = compression::FIRST_DICTIONARY;
    let dictionary = text.get(..options.dictionary_bytes).unwrap_or(text).to_vec();
    let payloads = Position::default();
    let spare = filler.take(header::event_header_bytes(dictionary.len()) as u64);
    let start = Start { shard, first: 0, previous: (0, 0, 0), payloads, dictionary };
    let segment = spare.and_then(|spare| create_segment(disk, dir, spare, start));
    let segment = Arc::new(segment.map_err(cannot_prepare(dir))?);
    let (tail, active) = (segment.start(), segment);
    let committed =
        Committed { segments: vec![0], active, points: Vec::new(), tail, payloads: None };
    let recovery = Recovery { segments: 1, ..Recovery::default() };
    Ok(Recovered { committed, recovery })
}
