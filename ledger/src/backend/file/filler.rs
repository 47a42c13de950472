//! Makes the next segment ready before it is needed: zeros, written and synced, so that an append
//! changes no metadata and waits for its own bytes alone.

use super::disk::{Disk, DiskFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

const CHUNK_BYTES: u64 = 1024 * 1024;

/// Whether background work has threads of its own, or is done where it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Workers {
    /// Threads.
    Threads,
    /// Done in place and in order, for a simulated disk.
    #[cfg(test)]
    Inline,
}

/// A file of synced zeros that waits to become a segment.
pub(super) struct Spare {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// Fills the spare file of one series of segments.
pub(super) struct Filler {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    bytes: u64,
    workers: Workers,
    cancelled: Arc<AtomicBool>,
    state: State,
}

enum State {
    Idle,
    Filling(JoinHandle<io::Result<Spare>>),
    Ready(Spare),
}

impl Filler {
    /// A filler of files with `bytes` bytes in `dir`; removes what an earlier one left.
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: &Path,
        bytes: u64,
        workers: Workers,
    ) -> io::Result<Self> {
        let path = dir.join("spare");
        remove_if_there(&*disk, &path)?;
        let cancelled = Arc::default();
        Ok(Self { disk, path, bytes, workers, cancelled, state: State::Idle })
    }

    /// Starts filling in the background, unless a file is ready or under way.
    ///
    /// A failure shows when the file is taken, and is tried again then.
    pub(super) fn prepare(&mut self) {
        if self.workers == Workers::Threads && matches!(self.state, State::Idle) {
            let (disk, path, bytes) = (Arc::clone(&self.disk), self.path.clone(), self.bytes);
            let cancelled = Arc::clone(&self.cancelled);
            let fill = move || fill(&*disk, path, bytes, &cancelled);
            let thread = std::thread::Builder::new().name("ledger-fill".to_owned()).spawn(fill);
            self.state = thread.map_or(State::Idle, State::Filling);
        }
    }

    /// A file of at least `bytes_min` zeros; waits for it where it is not ready.
    pub(super) fn take(&mut self, bytes_min: u64) -> io::Result<Spare> {
        let spare = match std::mem::replace(&mut self.state, State::Idle) {
            State::Ready(spare) => Some(spare),
            State::Filling(thread) => thread.join().ok().and_then(Result::ok),
            State::Idle => None,
        };
        let bytes = self.bytes.max(bytes_min);
        match spare {
            Some(spare) if spare.bytes >= bytes_min => Ok(spare),
            Some(_) | None => {
                remove_if_there(&*self.disk, &self.path)?;
                fill(&*self.disk, self.path.clone(), bytes, &self.cancelled)
            }
        }
    }

    /// Gives back a file that was taken and not used.
    pub(super) fn put_back(&mut self, spare: Spare) {
        self.state = State::Ready(spare);
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        self.cancelled.store(true, Ordering::Relaxed);
        if let State::Filling(thread) = std::mem::replace(&mut self.state, State::Idle) {
            // Nothing may write into the directory once the log is closed; the outcome is no
            // matter, as the next log starts by removing the file.
            drop(thread.join());
        }
    }
}

/// Makes a file of synced zeros; one that cannot be made whole is removed again.
fn fill(disk: &dyn Disk, path: PathBuf, bytes: u64, cancelled: &AtomicBool) -> io::Result<Spare> {
    let file = disk.create(&path)?;
    let filled = write_zeros(&*file, 0, bytes, cancelled).and_then(|()| file.sync());
    match filled {
        Ok(()) => Ok(Spare { file, path, bytes }),
        Err(error) => {
            // It gives its room back at once; the cause is what matters to the caller.
            drop(file);
            drop(disk.remove(&path));
            Err(error)
        }
    }
}

/// Writes zeros from one place to another; fails when it is cancelled meanwhile.
pub(super) fn write_zeros(
    file: &dyn DiskFile,
    from: u64,
    to: u64,
    cancelled: &AtomicBool,
) -> io::Result<()> {
    let zeros = vec![0; super::layout::size(CHUNK_BYTES.min(to - from))];
    let mut at = from;
    while at < to {
        if cancelled.load(Ordering::Relaxed) {
            return Err(io::Error::other("the log was closed"));
        }
        let count = super::layout::size(to - at).min(zeros.len());
        file.write_at(zeros.get(..count).unwrap_or_default(), at)?;
        at += count as u64;
    }
    Ok(())
}

/// Removes a file that may not be there.
pub(super) fn remove_if_there(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.remove(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
