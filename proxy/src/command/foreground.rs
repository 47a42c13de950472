//! Serving in the foreground: the runtime, and the signals that ask a command to stop.

use super::CommandError;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs a command to its end. What is still under way then ends with the process, not before: a
/// task that is dropped would end its agent's stream as if it were whole.
pub(super) fn block_on(
    command: impl Future<Output = Result<(), CommandError>>,
) -> Result<(), CommandError> {
    let runtime = runtime()?;
    let ended = runtime.block_on(command);
    std::mem::forget(runtime);
    ended
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    // One thread may wait for the disk; the others have the processors meanwhile.
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    Ok(builder.worker_threads(processors + 1).enable_all().build()?)
}

/// The signals that ask the program to stop; from here on they do not end it by themselves.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one, and says which.
    pub(super) async fn asked(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
