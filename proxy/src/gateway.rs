//! The composition root: from a configuration to a running gateway, and back to rest. That of the
//! service where people decide for gateways stands below it.

mod service;

pub use service::ApprovalsService;

use crate::clock;
use crate::config::{Backend, Config, Counterpart, Durability, KeyHash, Loaded};
use crate::correlate::{Correlator, Limits as CorrelateLimits};
use crate::custody::{
    Closing, Custody, CustodyError, FoundLedger, LEDGER_FOLDER, payload_segment_bytes, plain,
};
use crate::facts::SessionFacts;
use crate::gate::{Deciding, Gate};
use crate::keeper::{Keeper, keep};
use crate::keeper_routes::keeper_routes;
use crate::mcp::Mcp;
use crate::memory::Memory;
use crate::model::Models;
use crate::notices::notice_settings;
use crate::people::People;
use crate::people_listener;
use crate::policing::{Policing, PolicyError};
use crate::prices::Prices;
use crate::recover::{RecoverError, look_back, recall};
use crate::remote_desk::{
    Peer, feed_routes, holder_routes, only_counterparts, signposts, take_words,
};
use crate::room::Room;
use crate::rules::Rules;
use crate::server::Agents;
use crate::site_wiring::{SiteError, Wiring, site, stage};
use crate::tokens::{Tokens, TokensError};
use crate::upstream::{TlsError, Upstream};
use crate::watch::watch;
use approvals::notice::{Courier, SettingsError};
use approvals::{Clock, Desk, Limits as DeskLimits, Settings as DeskSettings};
use axum::Router;
use dashboards::site::{Backstage, Site};
use events::{Digest, GatewayStarted, GatewayStopped};
use ledger::sealer::LostLock;
use ledger::{Entry, Health, Ledger, RecordError, SealHealth, Sealing};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tlog::VerifierKey;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Why a gateway did not start, or did not stop in order.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The ledger does not open.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The last run cannot be settled.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// Nothing can be recorded.
    #[error("the ledger does not record: {0}; see to its disk, then start again")]
    Record(#[from] RecordError),
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
    /// The policies.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// How people are told.
    #[error("nobody could be told about calls that wait: {0}; see `[mail]` and `[[webhook]]`")]
    Notices(#[from] SettingsError),
    /// The issuers of tokens.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// How people sign in.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The system gives no random bytes.
    #[error("no random bytes for what agents are told while people decide: {0}")]
    Random(#[from] getrandom::Error),
}

/// What the start found.
#[derive(Clone, Debug, Default)]
pub struct StartReport {
    /// The ledger.
    pub found: FoundLedger,
    /// Calls of the last run whose outcome nobody knows.
    pub in_doubt: u64,
}

/// A gateway that accepts calls.
pub struct Gateway {
    /// Where agents connect.
    pub agents: SocketAddr,
    /// Where people connect.
    pub people: SocketAddr,
    /// What was found at the start.
    pub report: StartReport,
    /// The link with which the first administrator chooses a password, while nobody has one.
    pub first_link: Option<String>,
    gate: Arc<Gate>,
    stop: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
    /// What ends by itself soon after a stop.
    pages: Vec<JoinHandle<()>>,
    sealing: Option<Sealing>,
    closing: Closing,
    config: Arc<Config>,
}

impl Gateway {
    /// Opens the ledger, settles the last run, records the start, and only then listens.
    pub async fn start(loaded: Loaded, lost_lock: LostLock) -> Result<Self, GatewayError> {
        let config = Arc::new(loaded.config);
        let custody = Custody::open(&config, lost_lock).await?;
        let found = custody.found;
        let mut correlator = Correlator::new(custody.marks, CorrelateLimits::default());
        let operator = custody.operator;
        let (ledger, sealing, closing) = custody.split();
        let rules = Arc::new(Rules::new(Arc::clone(&config), Arc::default()));
        let mut facts = SessionFacts::new(Arc::clone(&rules), Prices::new(Arc::clone(&config)));
        let open = look_back(&**ledger.reader(), &mut correlator, &mut facts, clock::now())?;
        let desk = Desk::new(ledger.clone(), desk_clock(), desk_settings(&config));
        let last_policies = recall(&**ledger.reader(), &desk)?;
        let in_doubt = open.settle(&ledger).await?;
        let report = StartReport { found, in_doubt };

        let agents = bind(config.listen.agents).await?;
        let people = bind(config.listen.people).await?;
        let key = sealing.as_ref().map(Sealing::key);
        record_start(&ledger, &config, loaded.digest, (&report, key)).await?;
        let with = (Arc::clone(&rules), ledger.clone(), desk.clone());
        let policing = policing(&config, with, last_policies).await?;

        let memory = Memory::new(config.limits.memory_bytes_max);
        let keeper = Arc::new(Keeper::new(ledger.clone()));
        let tokens = Tokens::new(&config, address(&agents, config.listen.agents))?;
        let deciding = Deciding { correlator, desk: desk.clone(), rules, facts, tokens };
        let gate = Arc::new(Gate::new(&config, ledger, deciding));
        let (stop, stopping) = watch::channel(false);
        let mut gateway = Self {
            agents: address(&agents, config.listen.agents),
            people: address(&people, config.listen.people),
            report,
            first_link: None,
            gate,
            stop,
            listeners: Vec::new(),
            pages: Vec::new(),
            sealing,
            closing,
            config,
        };
        let keeping = operator.map(|key| keeper_routes(Arc::clone(&keeper), key, stopping.clone()));
        let (site, pages) = gateway.site(operator, &stopping).await?;
        let people = (people, keeping.unwrap_or_default().merge(pages), site);
        gateway.listen(agents, people, memory, &stopping)?;
        let config = Arc::clone(&gateway.config);
        gateway.listeners.push(tokio::spawn(keep(keeper, config)));
        gateway.tell(&stopping)?;
        gateway.listeners.push(tokio::spawn(desk.run(stopping.clone())));
        if let Some(policing) = policing {
            gateway.listeners.push(tokio::spawn(policing.run(stopping)));
        }
        Ok(gateway)
    }

    /// The site for people, and the pages that are shown here.
    async fn site(
        &mut self,
        operator: Option<KeyHash>,
        stopping: &watch::Receiver<bool>,
    ) -> Result<(Site, Router), GatewayError> {
        let ledger = self.gate.ledger();
        let backstage = stage(&self.gate, &self.config);
        let (site, first_link) = site(Wiring {
            config: &self.config,
            desk: self.gate.desk(),
            ledger,
            reader: Arc::clone(ledger.reader()),
            backstage: Arc::clone(&backstage),
            operator,
            url: self.config.approvals.url_at(self.people),
            stopping: stopping.clone(),
        })
        .await?;
        self.first_link = first_link;
        let pages = match self.config.service.clone() {
            Some(service) => self.decided_elsewhere(&service, backstage, stopping)?,
            None => site.router(),
        };
        Ok((site, pages))
    }

    fn listen(
        &mut self,
        agents: TcpListener,
        (people, keeping, site): (TcpListener, Router, Site),
        memory: Memory,
        stopping: &watch::Receiver<bool>,
    ) -> Result<(), GatewayError> {
        let (gate, config) = (&self.gate, &self.config);
        let limits = config.limits.clone();
        let upstream =
            Upstream::new(limits.upstream_connect_timeout, limits.upstream_idle_timeout)?;
        let stops = stopping.clone();
        let mcp = Mcp::new(config, Arc::clone(gate), &upstream, memory.clone(), stops)?;
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
        let sealing = self.sealing.clone();
        let gate = Arc::clone(gate);
        let stops = stopping.clone();
        let pages = People::new(gate, memory, room, sealing, stops).router(&site, keeping);
        let pages = dashboards::fenced(pages);
        self.listeners.push(tokio::spawn(server.run(agents, stopping.clone())));
        self.pages.push(tokio::spawn(people_listener::serve(people, pages, stopping.clone())));
        Ok(())
    }

    /// Lets the service where people decide follow this ledger, and takes what they say there.
    fn decided_elsewhere(
        &mut self,
        service: &Counterpart,
        backstage: Arc<dyn Backstage>,
        stopping: &watch::Receiver<bool>,
    ) -> Result<Router, GatewayError> {
        let (ledger, desk) = (self.gate.ledger(), self.gate.desk());
        let routes =
            holder_routes((ledger, desk), backstage).merge(feed_routes(ledger, stopping.clone()));
        let peer = Arc::new(Peer::new(service)?);
        let taking = take_words(desk.clone(), peer, stopping.clone());
        self.listeners.push(tokio::spawn(taking));
        let key = KeyHash::of(service.key.expose());
        Ok(only_counterparts(routes, [key]).merge(signposts(&service.url)))
    }

    /// Has people told about calls that wait, where that is configured.
    fn tell(&mut self, stopping: &watch::Receiver<bool>) -> Result<(), GatewayError> {
        let url = self.config.approvals.url_at(self.people);
        let Some(settings) = notice_settings(&self.config, url)? else { return Ok(()) };
        let ledger = self.gate.ledger().clone();
        let courier = Courier::new(ledger, desk_clock(), &settings)?;
        let mut stopping = stopping.clone();
        let stopped = async move { drop(stopping.wait_for(|stop| *stop).await) };
        self.pages.push(tokio::spawn(courier.run(stopped)));
        Ok(())
    }

    /// The gate, for what runs in the same process.
    pub const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Returns when the ledger will record nothing more, or must not, with the reason.
    pub async fn failed(&self) -> Arc<str> {
        tokio::select! {
            detail = self.recording_failed() => detail,
            detail = self.sealing_failed() => detail,
        }
    }

    async fn sealing_failed(&self) -> Arc<str> {
        let Some(sealing) = &self.sealing else { return std::future::pending().await };
        let mut health = sealing.health();
        loop {
            if let SealHealth::Failed(detail) = &*health.borrow_and_update() {
                return Arc::clone(detail);
            }
            if health.changed().await.is_err() {
                return "the ledger's sealer ended".into();
            }
        }
    }

    async fn recording_failed(&self) -> Arc<str> {
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
        let Self { gate, stop, listeners, pages, sealing, closing, config, .. } = self;
        stop.send_replace(true);
        let drained = gate.tasks.drained(config.limits.drain_timeout).await;
        let cancelled = if drained { 0 } else { gate.tasks.count() };
        for page in pages {
            // It has no more connections; in a panic it lost them as well.
            drop(page.await);
        }
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
            drop(sealing);
            closing.close().await?;
        } else if let Some(sealing) = sealing {
            // What is still under way holds the ledger open, so its end cannot be waited for.
            if let Err(error) = sealing.seal_now().await {
                tracing::warn!(%error, "the last events are not sealed yet; the next start does it");
            }
        }
        Ok(drained)
    }
}

/// Whoever looks after the policies, where there are any.
async fn policing(
    config: &Config,
    with: (Arc<Rules>, Ledger, Desk),
    last: Option<Digest>,
) -> Result<Option<Policing>, PolicyError> {
    match config.policy.clone() {
        Some(policy) => Policing::begin(policy, with, last).await.map(Some),
        None => Ok(None),
    }
}

fn desk_clock() -> Clock {
    Clock::new(clock::now, clock::event_id)
}

fn desk_settings(config: &Config) -> DeskSettings {
    let asked = &config.approvals;
    DeskSettings {
        no_answers_for: asked.no_answers_for,
        limits: DeskLimits {
            asks_per_hour: u32::try_from(asked.asks_per_hour).unwrap_or(u32::MAX),
            pending_per_agent_max: asked.pending_max,
            ..DeskLimits::default()
        },
        takes: config.service.is_some(),
        ..DeskSettings::default()
    }
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

async fn record_start(
    ledger: &Ledger,
    config: &Config,
    digest: [u8; 32],
    (report, key): (&StartReport, Option<&VerifierKey>),
) -> Result<(), GatewayError> {
    let durability = match (config.ledger.backend, config.ledger.durability) {
        (Backend::Memory, _) => "memory",
        (Backend::File, Durability::Synced) => "synced",
        (Backend::File, Durability::Relaxed) => "relaxed",
    };
    let fact = GatewayStarted {
        checkpoint_key: key.map(|key| key.to_string().into()),
        configuration: Digest(digest),
        durability: durability.into(),
        in_doubt: report.in_doubt,
        lost_lock: report.found.lost_lock,
        version: env!("CARGO_PKG_VERSION").into(),
    };
    ledger.record(plain(fact)).await?;
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, GatewayError> {
    TcpListener::bind(address).await.map_err(|source| GatewayError::Listen { address, source })
}

fn address(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}
