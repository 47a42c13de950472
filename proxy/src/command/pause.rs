//! Waits a moment, or until a person has had enough.

use std::io;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// From its making on, Ctrl-C and SIGTERM no longer end the process but end the next wait.
pub(super) struct Pause {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Pause {
    pub(super) fn new() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let context = runtime.enter();
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        drop(context);
        Ok(Self { runtime, interrupt, terminate })
    }

    /// Waits this long; false at once when asked to stop.
    pub(super) fn wait(&mut self, time: Duration) -> bool {
        let Self { runtime, interrupt, terminate } = self;
        runtime.block_on(async {
            tokio::select! {
                biased;
                _ = interrupt.recv() => false,
                _ = terminate.recv() => false,
                () = tokio::time::sleep(time) => true,
            }
        })
    }
}
