//! Tasks that outlive the connection that began them, and are waited for before the program ends.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// The tasks under way; cheap to clone. Connections and calls are limited elsewhere, and so are
/// these.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    count: AtomicUsize,
    /// Told each time that the last of them has ended.
    none: Notify,
}

/// One task, for as long as it has not ended, be it by being dropped.
struct Place(Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.none.notify_waiters();
        }
    }
}

impl Tasks {
    /// Runs a task that nothing but the end of the program cuts short.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.count.fetch_add(1, Ordering::AcqRel);
        let place = Place(Arc::clone(&self.0));
        tokio::spawn(async move {
            task.await;
            drop(place);
        });
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::Acquire)
    }

    /// Waits until all have ended, also those that others begin meanwhile; false if that took too
    /// long.
    pub async fn drained(&self, timeout: Duration) -> bool {
        let ended = async {
            loop {
                let none = self.0.none.notified();
                if self.count() == 0 {
                    return;
                }
                none.await;
            }
        };
        tokio::time::timeout(timeout, ended).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_a_task_begins_while_all_are_waited_for_is_waited_for_as_well() {
        let tasks = Tasks::default();
        assert!(tasks.drained(Duration::ZERO).await, "there is none");
        let (end_first, first) = oneshot::channel::<()>();
        let (end_second, second) = oneshot::channel::<()>();
        let more = tasks.clone();
        tasks.spawn(async move {
            drop(first.await);
            more.spawn(async move { drop(second.await) });
        });
        let waiting = tokio::spawn({
            let tasks = tasks.clone();
            async move { tasks.drained(Duration::from_mins(1)).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(tasks.count(), 1, "to be waited for is not to be under way");
        drop(end_first);
        assert!(!tasks.drained(Duration::from_secs(1)).await, "the second is under way");
        drop(end_second);
        assert!(waiting.await.unwrap());
    }
}
