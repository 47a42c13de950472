//! Syncs one file beside another, so that a commit that spans two files costs one sync's time.

use super::disk::DiskFile;
use super::filler::Workers;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// A thread that syncs the file it is given; one at a time.
pub(super) struct Syncer {
    /// Nothing when syncs are done in place, or when the thread could not be started.
    thread: Option<Thread>,
    done: Option<io::Result<()>>,
}

struct Thread {
    files: Option<SyncSender<Arc<dyn DiskFile>>>,
    outcomes: Receiver<io::Result<()>>,
    handle: Option<JoinHandle<()>>,
}

impl Syncer {
    /// A syncer with a thread of its own, or without one.
    pub(super) fn new(workers: Workers) -> Self {
        let thread = match workers {
            Workers::Threads => Thread::start().ok(),
            #[cfg(test)]
            Workers::Inline => None,
        };
        Self { thread, done: None }
    }

    /// A syncer for a disk whose syncs cost nothing.
    pub(super) const fn in_place() -> Self {
        Self { thread: None, done: None }
    }

    /// Starts to sync `file`; [`Syncer::wait`] has to follow.
    pub(super) fn start(&mut self, file: &Arc<dyn DiskFile>) {
        let sent = self.thread.as_ref().and_then(|thread| thread.files.as_ref());
        self.done = match sent.map(|files| files.send(Arc::clone(file))) {
            Some(Ok(())) => None,
            Some(Err(_)) | None => Some(file.sync()),
        };
    }

    /// Waits until the file that was started is durable.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        if let Some(done) = self.done.take() {
            return done;
        }
        let outcome = self.thread.as_ref().and_then(|thread| thread.outcomes.recv().ok());
        outcome.unwrap_or_else(|| Err(io::Error::other("the syncing thread ended")))
    }
}

impl Thread {
    fn start() -> io::Result<Self> {
        let (files, given) = sync_channel::<Arc<dyn DiskFile>>(1);
        let (tell, outcomes) = sync_channel(1);
        let run = move || {
            // Ends when the log drops its end of either channel.
            let _ended = given.iter().try_for_each(|file| tell.send(file.sync()));
        };
        let handle = std::thread::Builder::new().name("ledger-sync".to_owned()).spawn(run)?;
        Ok(Self { files: Some(files), outcomes, handle: Some(handle) })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.files = None;
        // An outcome nobody waited for must not hold up the thread's end.
        drop(self.outcomes.try_recv());
        if let Some(handle) = self.handle.take() {
            drop(handle.join());
        }
    }
}
