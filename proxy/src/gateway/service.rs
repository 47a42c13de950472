//! The composition root of a service where people decide on the calls that gateways hold: from its
//! file to a running service, and back to rest.

use super::{GatewayError, StartReport, address, bind, desk_clock, desk_settings, record_start};
use crate::config::{ApprovalsRole, Config, KeyHash, LoadedApprovals};
use crate::custody::{Closing, Custody, SHARD_PATH, plain};
use crate::evidence::export_source;
use crate::notices::notice_settings;
use crate::people_listener;
use crate::recover::recall;
use crate::remote_desk::{Gateways, Office, Shelf, feed_routes, hear, only_counterparts};
use crate::site_wiring::{Wiring, site};
use approvals::Desk;
use approvals::notice::Courier;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use dashboards::site::Site;
use events::GatewayStopped;
use http::StatusCode;
use ledger::sealer::LostLock;
use ledger::{Entry, Health, Ledger, SealHealth, Sealing};
use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long is waited for the ledger to be closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A service where people decide.
pub struct ApprovalsService {
    /// Where people connect, and gateways.
    pub people: SocketAddr,
    /// What was found at the start.
    pub report: StartReport,
    /// The link with which the first administrator chooses a password, while nobody has one.
    pub first_link: Option<String>,
    ledger: Ledger,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    /// What ends by itself soon after a stop.
    pages: Vec<JoinHandle<()>>,
    sealing: Option<Sealing>,
    closing: Closing,
}

impl ApprovalsService {
    /// Opens the ledger, records the start, and listens; it follows the gateways from then on.
    pub async fn start(loaded: LoadedApprovals, lost_lock: LostLock) -> Result<Self, GatewayError> {
        let ApprovalsRole { config, gateways: counterparts } = loaded.role;
        let custody = Custody::open(&config, lost_lock).await?;
        let report = StartReport { found: custody.found, in_doubt: 0 };
        let operator = custody.operator;
        let (ledger, sealing, closing) = custody.split();
        let gateways = Gateways::new(&counterparts)?;
        let holder = Arc::new(gateways.clone());
        let settings = desk_settings(&config);
        let desk = Desk::of_others(ledger.clone(), desk_clock(), settings, holder);
        recall(&**ledger.reader(), &desk)?;
        let listener = bind(config.listen.people).await?;
        let people = address(&listener, config.listen.people);
        let key = sealing.as_ref().map(Sealing::key);
        record_start(&ledger, &config, loaded.digest, (&report, key)).await?;

        let (stop, stopping) = watch::channel(false);
        let (runtime, reader) = (Handle::current(), Arc::clone(ledger.reader()));
        let shelf = Arc::new(Shelf::new(reader, gateways.clone(), runtime.clone()));
        let url = config.approvals.url_at(people);
        let (site, first_link) = site(Wiring {
            config: &config,
            desk: &desk,
            ledger: &ledger,
            reader: Arc::clone(&shelf) as _,
            operator,
            url: url.clone(),
            backstage: Arc::new(Office::new(gateways.clone(), ledger.clone(), runtime)),
            stopping: stopping.clone(),
        })
        .await?;
        let keys = counterparts.iter().map(|it| KeyHash::of(it.key.expose()));
        let feed = only_counterparts(feed_routes(&ledger, stopping.clone()), keys);
        let health = Service {
            ledger: ledger.clone(),
            sealing: sealing.clone(),
            gateways: gateways.clone(),
        };
        let routes = health.router(&site, &stopping).merge(feed).merge(site.router());
        let listening = people_listener::serve(listener, routes, stopping.clone());
        let mut pages = vec![tokio::spawn(listening)];
        pages.extend(courier(&config, url, (&ledger, &stopping))?);
        let mut tasks = vec![tokio::spawn(desk.clone().run(stopping.clone()))];
        for place in 0..gateways.count() {
            let (desk, keys) = (desk.clone(), ledger.keys().clone());
            let (gateways, shelf) = (gateways.clone(), Arc::clone(&shelf));
            let hearing = hear((desk, keys), (gateways, place), shelf, stopping.clone());
            tasks.push(tokio::spawn(hearing));
        }
        Ok(Self { people, report, first_link, ledger, stop, tasks, pages, sealing, closing })
    }

    /// Returns when the ledger will record nothing more, or must not, with the reason.
    pub async fn failed(&self) -> Arc<str> {
        let mut health = self.ledger.health();
        let recording = async {
            loop {
                if let Health::Failed(detail) = &*health.borrow_and_update() {
                    return Arc::clone(detail);
                }
                if health.changed().await.is_err() {
                    return "the ledger's writer ended".into();
                }
            }
        };
        let sealing = async {
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
        };
        tokio::select! {
            detail = recording => detail,
            detail = sealing => detail,
        }
    }

    /// Stops serving, records the end, and waits until all is durable.
    pub async fn stop(self, reason: &str) -> Result<(), GatewayError> {
        let Self { ledger, stop, tasks, pages, sealing, closing, .. } = self;
        stop.send_replace(true);
        for page in pages {
            // It has no more connections; in a panic it lost them as well.
            drop(page.await);
        }
        for task in tasks {
            task.abort();
            // Aborted or ended, either will do.
            drop(task.await);
        }
        let fact = GatewayStopped { cancelled: 0, reason: reason.into() };
        ledger.record(Entry::from(plain(fact)).reserved()).await?;
        if let Some(sealing) = &sealing
            && let Err(error) = sealing.seal_now().await
        {
            tracing::warn!(%error, "the last events are not sealed yet; the next start does it");
        }
        drop((ledger, sealing));
        // Whoever still reads for a page holds the ledger open; all is durable and sealed.
        tokio::time::timeout(CLOSE_TIMEOUT, closing.close()).await.unwrap_or(Ok(()))?;
        Ok(())
    }
}

/// Whoever tells people of calls that wait, where that is configured.
fn courier(
    config: &Config,
    url: String,
    (ledger, stopping): (&Ledger, &watch::Receiver<bool>),
) -> Result<Option<JoinHandle<()>>, GatewayError> {
    let Some(settings) = notice_settings(config, url)? else { return Ok(None) };
    let courier = Courier::new(ledger.clone(), desk_clock(), &settings)?;
    let mut stopping = stopping.clone();
    let stopped = async move { drop(stopping.wait_for(|stop| *stop).await) };
    Ok(Some(tokio::spawn(courier.run(stopped))))
}

#[derive(Clone)]
struct Service {
    ledger: Ledger,
    sealing: Option<Sealing>,
    gateways: Gateways,
}

impl Service {
    fn router(self, site: &Site, stopping: &watch::Receiver<bool>) -> Router {
        let (reader, keys) = (Arc::clone(self.ledger.reader()), self.ledger.keys().clone());
        let events = dashboards::ledger_routes(reader, keys, Some(site.clone()));
        let log = self.sealing.clone();
        let log = log.map(|it| dashboards::tlog_routes(SHARD_PATH, it, Some(site.clone())));
        let exports = self.sealing.clone().map(|sealing| {
            let source = export_source(&self.ledger, sealing);
            dashboards::export_routes(source, stopping.clone(), Some(site.clone()))
        });
        Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(ready))
            .with_state(self)
            .merge(events)
            .merge(log.unwrap_or_default())
            .merge(exports.unwrap_or_default())
    }
}

/// Whether what people say can be recorded. A gateway that is away does not hinder that.
async fn ready(State(service): State<Service>) -> (StatusCode, String) {
    let health = service.ledger.health().borrow().clone();
    let not = |detail: &str| (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {detail}\n"));
    match health {
        Health::Full(detail) | Health::Failed(detail) => return not(&detail),
        Health::Well if service.ledger.is_late() => {
            return not("the ledger has not answered in time");
        }
        Health::Well => {}
    }
    let away = service.gateways.away();
    let away = away.iter().map(|name| format!("gateway {name} does not answer"));
    let said: Vec<String> = iter::once("ready".to_owned()).chain(away).collect();
    (StatusCode::OK, said.join("\n") + "\n")
}
