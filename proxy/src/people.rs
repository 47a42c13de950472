//! The people's listener: whether the gateway is well, and its figures.

use crate::custody::SHARD_PATH;
use crate::evidence::export_source;
use crate::gate::Gate;
use crate::memory::Memory;
use crate::metrics::expose;
use crate::room::Room;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use dashboards::site::Site;
use http::{StatusCode, header};
use ledger::{Health, SealHealth, Sealing};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// What the pages show.
#[derive(Clone)]
pub struct People {
    gate: Arc<Gate>,
    memory: Memory,
    room: Room,
    sealing: Option<Sealing>,
    stopping: watch::Receiver<bool>,
    /// Held by whoever asks the disk for room.
    asking: Arc<Mutex<()>>,
}

impl People {
    /// Shows the state of this gate, whose ledger needs `room` to go on after its disk was full,
    /// until `stopping` becomes true.
    pub fn new(
        gate: Arc<Gate>,
        memory: Memory,
        room: Room,
        sealing: Option<Sealing>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self { gate, memory, room, sealing, stopping, asking: Arc::default() }
    }

    /// The paths served, with the pages for people. Those that show the ledger let in whom the site
    /// does, and want to know the peer's address; see [`dashboards::ledger_routes`].
    pub fn router(self, site: &Site, pages: Router) -> Router {
        let ledger = self.gate.ledger();
        let ledger = dashboards::ledger_routes(
            Arc::clone(ledger.reader()),
            ledger.keys().clone(),
            Some(site.clone()),
        );
        let log = self
            .sealing
            .clone()
            .map(|sealing| dashboards::tlog_routes(SHARD_PATH, sealing, Some(site.clone())));
        let exports = self.sealing.clone().map(|sealing| {
            let source = export_source(self.gate.ledger(), sealing);
            dashboards::export_routes(source, self.stopping.clone(), Some(site.clone()))
        });
        Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(self)
            .merge(ledger)
            .merge(log.unwrap_or_default())
            .merge(exports.unwrap_or_default())
            .merge(pages)
    }
}

async fn ready(State(people): State<People>) -> (StatusCode, String) {
    let sealing = people.sealing.as_ref().map(|sealing| sealing.health().borrow().clone());
    if let Some(SealHealth::Failed(detail)) = sealing {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {detail}\n"));
    }
    let ledger = people.gate.ledger();
    if ledger.is_late() {
        let text =
            "not ready: the ledger has not answered in time; calls are refused until it does\n";
        return (StatusCode::SERVICE_UNAVAILABLE, text.into());
    }
    let free = people.gate.metrics.ledger_disk_bytes_free.read();
    // Events that are not sealed yet are recorded all the same, so calls may go on.
    let late = match sealing {
        Some(SealHealth::Delayed(detail)) => format!("checkpoints are late: {detail}\n"),
        Some(SealHealth::Well | SealHealth::Failed(_)) | None => String::new(),
    };
    let is_low = people.room.is_low(free);
    let low = is_low.then(|| format!("low disk: {free} bytes are free for the ledger\n"));
    let said = format!("ready\n{late}{}", low.unwrap_or_default());
    let health = ledger.health().borrow().clone();
    let on_reserve = ledger.written().on_reserve;
    match health {
        // The ledger learns of new room from the next call alone, and none comes to a gateway that
        // was taken out of rotation.
        Health::Full(_) if has_room(people.room, on_reserve, people.asking).await => {
            (StatusCode::OK, said)
        }
        Health::Well => (StatusCode::OK, said),
        Health::Full(detail) | Health::Failed(detail) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {detail}\n"))
        }
    }
}

/// How long the disk may take to say whether it has room.
const ROOM_ASKED_WITHIN: Duration = Duration::from_secs(1);

/// Asks the disk, which may hang, where nobody else waits; one question at a time, so that one
/// thread hangs with it at the most.
async fn has_room(room: Room, on_reserve: bool, turn: Arc<Mutex<()>>) -> bool {
    let asked = async {
        let turn = turn.lock_owned().await;
        let there = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            room.free().is_some_and(|free| room.is_enough(free, on_reserve))
        });
        there.await.unwrap_or(false)
    };
    tokio::time::timeout(ROOM_ASKED_WITHIN, asked).await.unwrap_or(false)
}

async fn metrics(
    State(people): State<People>,
) -> ([(header::HeaderName, &'static str); 1], String) {
    let mut text = people.gate.metrics.exposition();
    let ledger = people.gate.ledger();
    let written = ledger.written();
    let next = ledger.committed().borrow().number();
    let held = u64::try_from(people.memory.bytes_held()).unwrap_or(u64::MAX);
    let sealed = people.sealing.as_ref().map_or(0, Sealing::size);
    let under_way = u64::try_from(people.gate.tasks.count()).unwrap_or(u64::MAX);
    for (name, kind, help, value) in [
        ("countersign_ledger_events", "gauge", "Events in this shard.", next),
        (
            "countersign_ledger_batches_total",
            "counter",
            "Batches made durable, each with one sync.",
            written.batches,
        ),
        (
            "countersign_ledger_records_total",
            "counter",
            "Events made durable since the start.",
            written.records,
        ),
        (
            "countersign_ledger_record_bytes_total",
            "counter",
            "Bytes of their canonical form.",
            written.record_bytes,
        ),
        (
            "countersign_ledger_payload_bytes_total",
            "counter",
            "Bytes of payloads handed to the store, compressed and encrypted.",
            written.payload_bytes,
        ),
        (
            "countersign_ledger_append_microseconds_total",
            "counter",
            "Time spent in appends.",
            written.append_us,
        ),
        (
            "countersign_ledger_stored_bytes_total",
            "counter",
            "Bytes that events and payloads took in the store.",
            written.stored_bytes,
        ),
        (
            "countersign_ledger_on_reserve",
            "gauge",
            "1 while the disk was full and the ledger's reserve is not whole again.",
            u64::from(written.on_reserve),
        ),
        (
            "countersign_ledger_late",
            "gauge",
            "1 while the ledger does not answer in time and calls are refused at once.",
            u64::from(ledger.is_late()),
        ),
        ("countersign_ledger_sealed_events", "gauge", "Events under a checkpoint.", sealed),
        ("countersign_memory_held_bytes", "gauge", "Memory held for bodies.", held),
        ("countersign_tasks", "gauge", "Calls and connections under way.", under_way),
    ] {
        expose(&mut text, name, kind, help, value);
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
