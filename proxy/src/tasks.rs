//! Tasks that outlive the connection that began them, and are waited for before the program ends.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// More tasks than this never run at once; connections are limited far below.
const TASKS_MAX: u32 = 1 << 20;

/// The tasks under way; cheap to clone.
#[derive(Clone, Debug)]
pub struct Tasks(Arc<Semaphore>);

impl Default for Tasks {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TASKS_MAX as usize)))
    }
}

impl Tasks {
    /// Runs a task that nothing but the end of the program cuts short.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let place = Arc::clone(&self.0);
        let taken = place.try_acquire_owned();
        tokio::spawn(async move {
            task.await;
            drop(taken);
        });
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        TASKS_MAX as usize - self.0.available_permits()
    }

    /// Waits until all have ended; false if that took too long.
    pub async fn drained(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.0.acquire_many(TASKS_MAX)).await.is_ok()
    }
}
