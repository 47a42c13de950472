//! What a desk does by itself: follows the ledger, lets holds and grants expire, and completes what
//! was broken off.

use super::Desk;
use super::command::CommandError;
use crate::hold::Command;
use crate::time::between;
use events::CallId;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How often the clock is looked at, at the least: it may be set, and a machine may sleep.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many commands are carried out at once.
const AT_ONCE: usize = 256;

impl Desk {
    /// Lets holds and grants expire and takes notice of what others record, until `stopping` says
    /// true. First it completes what a crash broke off: a decision after its last vote, or what
    /// follows from a revocation. Where another process holds the calls it only takes notice.
    pub async fn run(self, mut stopping: watch::Receiver<bool>) {
        let decides = self.0.holder.is_none();
        tokio::select! {
            () = self.follow() => {}
            () = self.keep_time(), if decides => {}
            _ = stopping.wait_for(|is_stopping| *is_stopping) => {}
        }
    }

    async fn keep_time(&self) {
        let open = self.table().open_ids();
        let mut work: Vec<(CallId, Command)> =
            open.into_iter().map(|id| (id, Command::Settle)).collect();
        loop {
            self.carry_out_all(std::mem::take(&mut work)).await;
            if let Err(error) = self.settle_all().await {
                tracing::warn!(%error, "calls of revoked agents are not taken back yet");
            }
            tokio::time::sleep(self.pause()).await;
            let now = self.0.clock.now();
            let overdue = self.table().overdue(now);
            work = overdue.into_iter().map(|id| (id, Command::Expire)).collect();
        }
    }

    /// Until something is due, but a second at most.
    fn pause(&self) -> Duration {
        let now = self.0.clock.now();
        let due = self.table().next_due(now);
        due.map_or(LOOK_EVERY, |due| between(now, due).min(LOOK_EVERY))
    }

    async fn carry_out_all(&self, work: Vec<(CallId, Command)>) {
        let mut tasks = JoinSet::new();
        for (id, command) in work {
            if AT_ONCE <= tasks.len() {
                tasks.join_next().await;
            }
            let desk = self.clone();
            tasks.spawn(async move {
                match desk.carry_out(id, command, Vec::new()).await {
                    Ok(_) | Err(CommandError::Unknown | CommandError::Refused(_)) => {}
                    // It is tried again at the next look. Nobody can vote meanwhile: it is late.
                    Err(error) => tracing::warn!(hold = %id, %error, "a hold is not settled yet"),
                }
            });
        }
        while tasks.join_next().await.is_some() {}
    }
}
