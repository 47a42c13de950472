//! The composition root: from a configuration to a running gateway, and back to rest.

use crate::clock;
use crate::config::{Backend, Config, Durability, Loaded};
use crate::correlate::{Correlator, Limits as CorrelateLimits};
use crate::gate::Gate;
use crate::mcp::Mcp;
use crate::memory::Memory;
use crate::model::Models;
use crate::people::People;
use crate::recover::{RecoverError, look_back};
use crate::room::Room;
use crate::server::Agents;
use crate::upstream::{TlsError, Upstream};
use crate::watch::watch;
use events::{Digest, Draft, GatewayStarted, GatewayStopped, LedgerRecovered};
use ledger::backend::file::{self, FileLog, OpenError, Recovery};
use ledger::backend::memory::MemoryLog;
use ledger::log::Log;
use ledger::{Entry, Health, Ledger, Options, RecordError, WriterTask};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The index of the payload segment that is written is kept in memory; this bounds it to a few MiB.
const PAYLOAD_SEGMENT_BYTES_MAX: u64 = 16 << 20;

/// The folder of the ledger within the data folder.
pub const LEDGER_FOLDER: &str = "ledger";

/// Why a gateway did not start, or did not stop in order.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// A folder or file cannot be used.
    #[error("cannot use `{path}`: {source}; it has to be readable and writable for this user")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The ledger does not open.
    #[error("the ledger does not open: {0}")]
    Open(#[from] OpenError),
    /// The last run cannot be settled.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// Nothing can be recorded.
    #[error("the ledger does not record: {0}; see to its disk, then start again")]
    Record(#[from] RecordError),
    /// The writer's thread.
    #[error("the ledger's writer: {0}")]
    Writer(io::Error),
    /// A listener.
    #[error(
        "cannot listen on {address}: {source}; stop what listens there, or name another address in \
         `[listen]`"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// What the start found.
#[derive(Clone, Debug, Default)]
pub struct StartReport {
    /// Events in the ledger before this start.
    pub events: u64,
    /// Calls of the last run whose outcome nobody knows.
    pub in_doubt: u64,
    /// Bytes of an unacknowledged tail that were cut and quarantined.
    pub cut_bytes: u64,
}

/// A gateway that accepts calls.
pub struct Gateway {
    /// Where agents connect.
    pub agents: SocketAddr,
    /// Where people connect.
    pub people: SocketAddr,
    /// What was found at the start.
    pub report: StartReport,
    gate: Arc<Gate>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    writer: WriterTask,
    config: Arc<Config>,
}

impl Gateway {
    /// Opens the ledger, settles the last run, records the start, and only then listens.
    pub async fn start(loaded: Loaded) -> Result<Self, GatewayError> {
        let config = Arc::new(loaded.config);
        let folder = config.data.join(LEDGER_FOLDER);
        let (log, recovery) = open(&config, &folder)?;
        let mut correlator = Correlator::new(key(&config, &folder)?, CorrelateLimits::default());
        let found = look_back(&*log.reader(), &mut correlator)?;
        let events = log.next().number();
        let (ledger, writer) =
            Ledger::start(log, options(&config)).map_err(GatewayError::Writer)?;
        let cut_bytes = note_cuts(&ledger, &recovery, &folder).await?;
        let in_doubt = found.settle(&ledger).await?;
        let report = StartReport { events, in_doubt, cut_bytes };

        let agents = bind(config.listen.agents).await?;
        let people = bind(config.listen.people).await?;
        record_start(&ledger, &config, loaded.digest, in_doubt).await?;

        let memory = Memory::new(config.limits.memory_bytes_max);
        let gate = Arc::new(Gate::new(&config, ledger, correlator));
        let (stop, stopping) = watch::channel(false);
        let mut gateway = Self {
            agents: address(&agents, config.listen.agents),
            people: address(&people, config.listen.people),
            report,
            gate,
            stop,
            listeners: Vec::new(),
            writer,
            config,
        };
        gateway.listen(agents, people, memory, &stopping)?;
        Ok(gateway)
    }

    fn listen(
        &mut self,
        agents: TcpListener,
        people: TcpListener,
        memory: Memory,
        stopping: &watch::Receiver<bool>,
    ) -> Result<(), GatewayError> {
        let (gate, config) = (&self.gate, &self.config);
        let limits = config.limits.clone();
        let upstream =
            Upstream::new(limits.upstream_connect_timeout, limits.upstream_idle_timeout)?;
        let stops = stopping.clone();
        let mcp = Mcp::new(config, Arc::clone(gate), &upstream, memory.clone(), stops);
        let models = Models::new(Arc::clone(gate), upstream, Arc::clone(config), memory.clone());
        let (models, mcp) = (Arc::new(models), Arc::new(mcp));
        let server = Agents::new(Arc::clone(gate), models, mcp, config.listen.clone(), limits);
        let room = room(config);
        if config.ledger.backend == Backend::File {
            if let Some(free) = room.free() {
                gate.metrics.ledger_disk_bytes_free.set(free);
            }
            self.listeners.push(tokio::spawn(watch(Arc::clone(gate), room.clone())));
        }
        let pages = People::new(Arc::clone(gate), memory, room).router();
        let pages = pages.into_make_service_with_connect_info::<SocketAddr>();
        let mut stopped = stopping.clone();
        self.listeners.push(tokio::spawn(server.run(agents, stopping.clone())));
        self.listeners.push(tokio::spawn(async move {
            let stopped = async move {
                // If the sender is gone the gateway is too.
                drop(stopped.wait_for(|stop| *stop).await);
            };
            let ended = axum::serve(people, pages).with_graceful_shutdown(stopped).await;
            if let Err(error) = ended {
                tracing::error!(%error, "the people's listener ended");
            }
        }));
        Ok(())
    }

    /// The gate, for what runs in the same process.
    pub const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Returns when the ledger will record nothing more, with the reason.
    pub async fn failed(&self) -> Arc<str> {
        let mut health = self.gate.ledger().health();
        loop {
            if let Health::Failed(detail) = &*health.borrow_and_update() {
                return Arc::clone(detail);
            }
            if health.changed().await.is_err() {
                return "the ledger's writer ended".into();
            }
        }
    }

    /// Says what cannot be recorded any more, after the ledger has failed.
    pub fn give_up(self) {
        self.gate.gap.give_up();
    }

    /// Stops accepting, lets calls finish, records the end, and waits until all is durable. True if
    /// every call had ended by itself.
    pub async fn stop(self, reason: &str) -> Result<bool, GatewayError> {
        let Self { gate, stop, listeners, writer, config, .. } = self;
        stop.send_replace(true);
        let drained = gate.tasks.drained(config.limits.drain_timeout).await;
        let cancelled = if drained { 0 } else { gate.tasks.count() };
        for listener in listeners {
            listener.abort();
            // Aborted or ended, either will do.
            drop(listener.await);
        }
        let fact = GatewayStopped {
            cancelled: u64::try_from(cancelled).unwrap_or(u64::MAX),
            reason: reason.into(),
        };
        gate.tell_gap_at_last().await;
        gate.ledger().record(Entry::from(plain(fact)).reserved()).await?;
        drop(gate);
        if drained {
            writer.join().await.map_err(GatewayError::Writer)?;
        }
        Ok(drained)
    }
}

fn open(config: &Config, folder: &Path) -> Result<(Box<dyn Log>, Recovery), GatewayError> {
    let (log, recovery): (Box<dyn Log>, _) = match config.ledger.backend {
        Backend::Memory => (Box::new(MemoryLog::new()), Recovery::default()),
        Backend::File => {
            let options = file::Options {
                shard: SHARD.into(),
                event_segment_bytes: config.ledger.segment_bytes,
                payload_segment_bytes: payload_segment_bytes(config),
                reserve_bytes: config.ledger.reserve_bytes,
                synced: config.ledger.durability == Durability::Synced,
                ..file::Options::default()
            };
            let (log, recovery) = FileLog::open(folder, &options)?;
            (Box::new(log), recovery)
        }
    };
    Ok((log, recovery))
}

fn payload_segment_bytes(config: &Config) -> u64 {
    config.ledger.segment_bytes.min(PAYLOAD_SEGMENT_BYTES_MAX)
}

/// What the ledger takes at once, at most: a new segment of each kind.
fn room(config: &Config) -> Room {
    let on_disk = config.ledger.backend == Backend::File;
    Room {
        folder: config.data.join(LEDGER_FOLDER),
        bytes_min: config.ledger.segment_bytes.saturating_add(payload_segment_bytes(config)),
        reserve_bytes: config.ledger.reserve_bytes.saturating_mul(2),
        bytes_low: if on_disk { config.ledger.disk_bytes_low } else { 0 },
    }
}

/// The name of the one shard that a gateway on its own writes.
const SHARD: &str = "countersign/0";

fn options(config: &Config) -> Options {
    Options {
        source: SHARD.into(),
        queue_max: config.ledger.queue_records_max,
        append_timeout: config.ledger.append_timeout,
    }
}

/// The key of all marks: made once, kept beside the ledger, readable by its owner alone.
fn key(config: &Config, folder: &Path) -> Result<[u8; 32], GatewayError> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let random = || {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(io::Error::other).map(|()| key)
    };
    let path = folder.join("marks.key");
    let failed = |source| GatewayError::Folder { path: path.clone(), source };
    if config.ledger.backend == Backend::Memory {
        return random().map_err(failed);
    }
    match std::fs::read(&path) {
        Ok(bytes) => bytes
            .try_into()
            .map_err(|_| failed(io::Error::other("it does not have exactly 32 bytes"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = random().map_err(failed)?;
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .map_err(failed)?;
            file.write_all(&key).and_then(|()| file.sync_all()).map_err(failed)?;
            Ok(key)
        }
        Err(error) => Err(failed(error)),
    }
}

async fn note_cuts(
    ledger: &Ledger,
    recovery: &Recovery,
    folder: &Path,
) -> Result<u64, GatewayError> {
    let mut cut_bytes = 0;
    for cut in &recovery.cuts {
        cut_bytes += cut.bytes;
        let fact = LedgerRecovered {
            cut_bytes: cut.bytes,
            cut_digest: Digest(cut.sha256),
            quarantine: cut
                .kept_in
                .strip_prefix(folder)
                .unwrap_or(&cut.kept_in)
                .display()
                .to_string(),
        };
        ledger.record(Entry::from(plain(fact)).reserved()).await?;
    }
    Ok(cut_bytes)
}

async fn record_start(
    ledger: &Ledger,
    config: &Config,
    digest: [u8; 32],
    in_doubt: u64,
) -> Result<(), GatewayError> {
    let durability = match (config.ledger.backend, config.ledger.durability) {
        (Backend::Memory, _) => "memory",
        (Backend::File, Durability::Synced) => "synced",
        (Backend::File, Durability::Relaxed) => "relaxed",
    };
    let fact = GatewayStarted {
        configuration: Digest(digest),
        durability: durability.into(),
        in_doubt,
        version: env!("CARGO_PKG_VERSION").into(),
    };
    ledger.record(plain(fact)).await?;
    Ok(())
}

fn plain<F>(fact: F) -> Draft<F> {
    Draft {
        id: clock::event_id(),
        time: clock::now(),
        session: None,
        cause: None,
        call: None,
        fact,
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, GatewayError> {
    TcpListener::bind(address).await.map_err(|source| GatewayError::Listen { address, source })
}

fn address(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}
