//! Looks after the ledger every few seconds while the gateway runs: its files, its disk, and what
//! it has missed.

use crate::gate::Gate;
use crate::room::Room;
use ledger::Health;
use std::sync::Arc;
use std::time::Duration;

/// How often.
const EVERY: Duration = Duration::from_secs(2);

/// Looks until it is dropped.
pub async fn watch(gate: Arc<Gate>, room: Room) {
    let mut was_low = false;
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        gate.ledger().check().await;
        let Some(free) = free(&room).await else { continue };
        gate.metrics.ledger_disk_bytes_free.set(free);
        let is_low = room.is_low(free);
        if is_low && !was_low {
            tracing::warn!(free, "the ledger's disk has little room left; free some space");
        }
        was_low = is_low;
        let health = gate.ledger().health().borrow().clone();
        let may_have_room = match health {
            Health::Well => true,
            Health::Full(_) => room.is_enough(free, gate.ledger().written().on_reserve),
            Health::Failed(_) => false,
        };
        if may_have_room && !gate.ledger().is_late() {
            gate.tell_gap().await;
        }
    }
}

/// Asks the disk, which may hang, where nobody else waits.
async fn free(room: &Room) -> Option<u64> {
    let room = room.clone();
    tokio::task::spawn_blocking(move || room.free()).await.ok().flatten()
}
