//! The site for people: what its routes need, and the routes. It records by the desk, and decides
//! nothing itself.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
mod budget;

mod backstage;

mod visitor;

mod refused;

mod frame;

mod exact;

mod reading;

mod story;

mod asked;

mod passkeys;

mod door;

mod inbox;

mod widening;

mod hold_pages;

mod deciding;

mod allowing;

mod api;

mod live;

mod sessions;

mod session_page;

mod people_pages;

mod account_page;

mod rights;

mod oversight_page;

mod rights_api;

mod nowhere;

pub use backstage::{AgentKnown, Appointed, Backstage, Edited, PoliciesKnown, Tool};
pub use story::session_before;

use crate::assets::asset_routes;
use crate::look_routes::look_routes;
use crate::secured::secured;
use api::Caller;
use approvals::{Clock, Desk};
use axum::Router;
use budget::Budget;
use events::Timestamp;
use http::{HeaderMap, Method};
use identity::PeopleKey;
use identity::account::Accounts;
use identity::cookie::Cookies;
use identity::oidc::RelyingParty;
use identity::role::Right;
use identity::throttle::Throttle;
use ledger::log::Reader;
use ledger::payload::Keys;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use visitor::Visitor;

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
    /// Where passkeys are kept, also of people from providers.
    pub passkeys: Option<Accounts>,
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
            .merge(allowing::routes(self))
            .merge(live::routes(self))
            .merge(sessions::routes(self))
            .merge(session_page::routes(self))
            .merge(people_pages::routes(self))
            .merge(account_page::routes(self))
            .merge(rights::routes(self))
            .merge(oversight_page::routes(self))
            .merge(look_routes());
        secured(pages, &self.0.parts.url)
            .merge(asset_routes())
            .merge(api::routes(self))
            .merge(rights_api::routes(self))
            .merge(nowhere::routes(self))
    }

    /// Whether a request comes from somebody with this right: by a bearer token, or, where it
    /// changes nothing, by the cookie of a browser.
    pub(crate) async fn lets_in(
        &self,
        (method, headers): (&Method, &HeaderMap),
        right: Right,
    ) -> bool {
        if let Ok(caller) = Caller::of(self, headers).await {
            return matches!(caller, Caller::Operator) || caller.may(right);
        }
        let visitor = Visitor::of_browser(self, headers).await;
        method.is_safe() && visitor.is_some_and(|visitor| visitor.may(right))
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

#[cfg(test)]
mod tests;
