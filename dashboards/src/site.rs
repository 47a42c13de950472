//! The site for people: what its routes need, and the routes. It records by the desk, and decides
//! nothing itself.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
mod budget;

mod backstage;

mod visitor;

mod refused;

mod frame;

mod exact;

mod story;

mod asked;

mod door;

mod inbox;

mod hold_pages;

mod deciding;

mod api;

mod live;

pub use backstage::{Appointed, Backstage, Edited, Tool};

use crate::assets::asset_routes;
use crate::look_routes::look_routes;
use crate::secured::secured;
use approvals::{Clock, Desk};
use axum::Router;
use budget::Budget;
use events::Timestamp;
use identity::PeopleKey;
use identity::account::Accounts;
use identity::cookie::Cookies;
use identity::oidc::RelyingParty;
use identity::throttle::Throttle;
use ledger::log::Reader;
use ledger::payload::Keys;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// How many passwords are checked at once: each takes some 20 MiB.
const PASSWORDS_AT_ONCE: usize = 4;

/// How many streams of changes are open at once.
const STREAMS_MAX: usize = 64;

/// What the site is made of.
pub struct Parts {
    /// Where calls wait.
    pub desk: Desk,
    /// The ledger, for what is shown.
    pub reader: Arc<dyn Reader>,
    /// The keys of its payloads.
    pub keys: Keys,
    /// The accounts of the gateway itself, if there are any.
    pub accounts: Option<Accounts>,
    /// Where else people sign in.
    pub providers: Vec<RelyingParty>,
    /// Who has which role by the configuration.
    pub appointed: Appointed,
    /// What sign-ins are sealed with.
    pub key: PeopleKey,
    /// The time, and new ids.
    pub clock: Clock,
    /// How long a sign-in lasts.
    pub lasts: Duration,
    /// How people reach the pages: a URL without a `/` at the end.
    pub url: String,
    /// The roles that may let a call go alone in an emergency.
    pub break_glass: Vec<Arc<str>>,
    /// Whether a bearer token is the operator's key.
    pub is_operator: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    /// What only the gateway can do.
    pub backstage: Arc<dyn Backstage>,
    /// Becomes true when the gateway stops.
    pub stopping: watch::Receiver<bool>,
}

/// The site; cheap to clone.
#[derive(Clone)]
pub struct Site(Arc<Inner>);

struct Inner {
    parts: Parts,
    cookies: Cookies,
    throttle: Mutex<Throttle>,
    failures: Mutex<Budget>,
    refusals: Mutex<Budget>,
    passwords: Semaphore,
    streams: Arc<Semaphore>,
}

impl fmt::Debug for Site {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Site").field("url", &self.0.parts.url).finish_non_exhaustive()
    }
}

impl Site {
    /// A site of these parts.
    pub fn new(parts: Parts) -> Self {
        let cookies = Cookies::new(parts.url.starts_with("https://"));
        Self(Arc::new(Inner {
            parts,
            cookies,
            throttle: Mutex::default(),
            failures: Mutex::default(),
            refusals: Mutex::default(),
            passwords: Semaphore::new(PASSWORDS_AT_ONCE),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }))
    }

    /// Serves pages to people who are signed in, and `/api/v1/holds` to programs with a person's
    /// token or the operator's key. GET and HEAD change nothing, but that it is noted who had which
    /// call on the screen.
    ///
    /// The server must tell the peer's address (`ConnectInfo<SocketAddr>`).
    pub fn router(&self) -> Router {
        let pages = Router::new()
            .merge(door::routes(self))
            .merge(inbox::routes(self))
            .merge(hold_pages::routes(self))
            .merge(deciding::routes(self))
            .merge(live::routes(self))
            .merge(look_routes());
        secured(pages, &self.0.parts.url).merge(asset_routes()).merge(api::routes(self))
    }

    fn parts(&self) -> &Parts {
        &self.0.parts
    }

    fn desk(&self) -> &Desk {
        &self.0.parts.desk
    }

    fn key(&self) -> &PeopleKey {
        &self.0.parts.key
    }

    fn cookies(&self) -> Cookies {
        self.0.cookies
    }

    fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.0.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failures(&self) -> MutexGuard<'_, Budget> {
        self.0.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refusals(&self) -> MutexGuard<'_, Budget> {
        self.0.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
