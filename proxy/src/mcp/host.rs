//! The sessions and lines that the gateway itself keeps, for servers that are processes and for the
//! merged endpoint: opening, finding, forgetting. What is said in them is not known here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use events::Relay;
use http::HeaderMap;
use tokio::sync::{Mutex as Turn, mpsc, watch};

use crate::caller::Caller;
use crate::config::PrefixRule;
use crate::credentials::{holds_key, presented_key};
use crate::json::Limits;
use crate::problem::ErrorCode;

use super::clerk::Talk;
use super::floor::Floor;
use super::http_line::{Era, HttpLine};
use super::http_server::HttpServer;
use super::line::Line;
use super::line_link::WAITING_MAX;
use super::names::Exposed;
use super::news::News;
use super::process::Launcher;
use super::pump::Bench;
use super::reply::Refusal;

/// How many sessions one endpoint keeps. The one unused for longest is ended first.
const SESSIONS_MAX: usize = 1024;

/// How long a session is kept that nobody uses; its servers' streams end with it.
const UNUSED_MAX: Duration = Duration::from_hours(1);

/// How many callers without sessions have lines and names of their own. Of more, those are
/// forgotten that nobody uses at the moment.
const SHARED_MAX: usize = 4096;

/// How the servers of an endpoint are reached.
pub(crate) enum Way {
    /// Over HTTP.
    Http(Box<HttpServer>),
    /// As processes.
    Stdio(Launcher),
}

/// One server of an endpoint.
pub(crate) struct Member {
    pub(crate) name: Arc<str>,
    pub(crate) prefix: String,
    pub(crate) way: Way,
}

/// One endpoint whose server the gateway itself is.
pub(crate) struct Host {
    pub(crate) bench: Bench,
    pub(crate) members: Vec<Member>,
    pub(crate) rule: PrefixRule,
    /// What tells its sessions from those of other endpoints.
    pub(crate) scope: Arc<str>,
    sessions: Mutex<Sessions>,
    /// Lines of agents that keep no session.
    shared: Mutex<HashMap<(String, usize), Arc<Slot>>>,
    /// Names last listed to agents that keep no session, by caller.
    shared_names: Mutex<HashMap<String, Arc<Names>>>,
}

#[derive(Default)]
struct Sessions {
    by_id: HashMap<Arc<str>, (u64, Instant, Arc<Session>)>,
    uses: u64,
}

/// One session of an agent at this endpoint.
pub(crate) struct Session {
    pub(crate) id: Arc<str>,
    pub(crate) caller: Arc<Caller>,
    /// The parameters of its `initialize`.
    pub(crate) hello: String,
    pub(crate) floor: Arc<Floor>,
    lines: Mutex<BTreeMap<usize, Arc<Slot>>>,
    /// Dropped with the session, which ends what listens for it.
    alive: watch::Sender<()>,
    /// The names of its tools and prompts, as last listed.
    pub(crate) names: Arc<Names>,
}

/// The names that were last listed to somebody.
#[derive(Default)]
pub(crate) struct Names {
    pub(crate) tools: Mutex<Option<Arc<Exposed>>>,
    pub(crate) prompts: Mutex<Option<Arc<Exposed>>>,
}

/// A place for a line; whoever opens it makes the others wait.
#[derive(Default)]
pub(crate) struct Slot(pub(crate) Turn<Option<Arc<Open>>>);

/// What a process says unasked.
pub(crate) type Said = mpsc::Receiver<String>;

/// An open line.
pub(crate) struct Open {
    pub(crate) line: Line,
    /// What the server said it can do, as JSON.
    pub(crate) capabilities: String,
    /// What it tells, where requests without sessions share the line.
    pub(crate) news: Arc<News>,
}

impl Open {
    pub(crate) fn new(line: Line, capabilities: String) -> Self {
        Self { line, capabilities, news: Arc::new(News::new()) }
    }
}

impl Sessions {
    fn end_oldest(&mut self, but: Option<&Arc<Session>>) {
        let others = self.by_id.iter().filter(|(id, _)| but.is_none_or(|but| but.id != **id));
        let oldest = others.min_by_key(|(_, (used, ..))| *used);
        if let Some(id) = oldest.map(|(id, _)| Arc::clone(id)) {
            tracing::info!("a session was ended to make room for another");
            self.by_id.remove(&id);
        }
    }
}

impl Session {
    /// A session that no agent knows yet; fails without a source of randomness.
    pub(crate) fn new(caller: &Arc<Caller>, hello: &str) -> Result<Arc<Self>, Refusal> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| {
            Refusal::new(ErrorCode::Internal, format!("no random session id: {error}"))
        })?;
        Ok(Arc::new(Self {
            id: format!("{:032x}", u128::from_be_bytes(bytes)).into(),
            caller: Arc::clone(caller),
            hello: hello.to_owned(),
            floor: Arc::new(Floor::default()),
            lines: Mutex::default(),
            alive: watch::Sender::new(()),
            names: Arc::default(),
        }))
    }

    /// Fails when the session has ended.
    pub(crate) fn ended(&self) -> watch::Receiver<()> {
        self.alive.subscribe()
    }
}

impl Host {
    pub(crate) fn new(
        bench: Bench,
        members: Vec<Member>,
        rule: PrefixRule,
        scope: Arc<str>,
    ) -> Self {
        Self {
            bench,
            members,
            rule,
            scope,
            sessions: Mutex::default(),
            shared: Mutex::default(),
            shared_names: Mutex::default(),
        }
    }

    /// Whether all goes to one server as it is.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.members.as_slice(), [member] if matches!(member.way, Way::Stdio(_)))
            && self.members.first().is_some_and(|member| member.name == self.scope)
    }

    /// Keeps a session from now on.
    pub(crate) fn keep(&self, session: Arc<Session>) {
        let mut sessions = lock(&self.sessions);
        sessions.uses += 1;
        let used = sessions.uses;
        sessions.by_id.retain(|_, (_, last, session)| {
            // Somebody uses it, or listens to it, or did so lately.
            last.elapsed() < UNUSED_MAX
                || Arc::strong_count(session) > 1
                || Arc::strong_count(&session.floor) > 1
        });
        if sessions.by_id.len() >= SESSIONS_MAX {
            sessions.end_oldest(None);
        }
        sessions.by_id.insert(Arc::clone(&session.id), (used, Instant::now(), session));
    }

    /// Ends the session unused for longest, but not this one.
    fn end_oldest(&self, but: Option<&Arc<Session>>) {
        lock(&self.sessions).end_oldest(but);
    }

    /// The session that a request of this caller names.
    pub(crate) fn find(&self, talk: &Talk) -> Result<Arc<Session>, Refusal> {
        let Some(id) = &talk.session else {
            let message = "the header `MCP-Session-Id` is missing: initialize a session first";
            return Err(Refusal::new(ErrorCode::MalformedRequest, message));
        };
        let mut sessions = lock(&self.sessions);
        sessions.uses += 1;
        let used = sessions.uses;
        match sessions.by_id.get_mut(id) {
            Some((last, when, session)) if session.caller.known_as == talk.caller.known_as => {
                (*last, *when) = (used, Instant::now());
                Ok(Arc::clone(session))
            }
            _ => Err(Refusal::no_session()),
        }
    }

    /// The names last listed to an agent that keeps no session.
    pub(crate) fn shared_names(&self, caller: &str) -> Arc<Names> {
        let mut shared = lock(&self.shared_names);
        if shared.len() >= SHARED_MAX {
            shared.retain(|_, names| Arc::strong_count(names) > 1);
        }
        Arc::clone(shared.entry(caller.to_owned()).or_default())
    }

    /// Forgets a session whose only server has gone.
    pub(crate) fn lose(&self, session: &Session) {
        lock(&self.sessions).by_id.remove(&session.id);
    }

    /// Forgets a session, and ends those at the servers that it led to.
    pub(crate) async fn forget(&self, session: &Session, talk: &Talk) {
        lock(&self.sessions).by_id.remove(&session.id);
        let slots: Vec<_> =
            lock(&session.lines).iter().map(|(member, slot)| (*member, Arc::clone(slot))).collect();
        for (member, slot) in slots {
            let Some(open) = slot.0.lock().await.take() else { continue };
            let Line::Http(line) = &open.line else { continue };
            let Some(member) = self.members.get(member).filter(|_| line.has_session()) else {
                continue;
            };
            let talk = Talk { server: Arc::clone(&member.name), ..talk.clone() };
            let said = ("DELETE", &b""[..]);
            let relayed = self.bench.clerk.relay(&talk, Relay::ToUpstream, None, said).await;
            if let Ok(permit) = relayed {
                line.end(permit).await;
            }
        }
    }

    /// The place of the line to a server: a session's own, or the one that all requests without a
    /// session share; to a process they share it over all agents, to HTTP servers by caller.
    pub(crate) fn slot(
        &self,
        session: Option<&Session>,
        caller: &Caller,
        member: usize,
    ) -> Arc<Slot> {
        if let Some(session) = session {
            return Arc::clone(lock(&session.lines).entry(member).or_default());
        }
        let of = match self.members.get(member).map(|member| &member.way) {
            Some(Way::Http(_)) => caller.known_as.to_string(),
            Some(Way::Stdio(_)) | None => String::new(),
        };
        let mut shared = lock(&self.shared);
        if shared.len() >= SHARED_MAX {
            shared.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(shared.entry((of, member)).or_default())
    }

    /// A new line to a server, on which nothing is agreed yet; and what a process will say on it
    /// unasked.
    pub(crate) async fn line(
        &self,
        session: Option<&Arc<Session>>,
        member: usize,
    ) -> Result<(Line, Option<Said>), Refusal> {
        match self.members.get(member).map(|member| &member.way) {
            Some(Way::Http(server)) => {
                let line = HttpLine::new(self.bench.clone(), (**server).clone());
                Ok((Line::Http(Box::new(line)), None))
            }
            Some(Way::Stdio(launcher)) => {
                let (unasked, said) = mpsc::channel(WAITING_MAX);
                let room = || self.end_oldest(session);
                let running = launcher.launch(unasked, room).await.map_err(|error| {
                    Refusal::new(ErrorCode::UpstreamUnreachable, error.to_string())
                })?;
                Ok((Line::Stdio { running, era: Era::Unknown }, Some(said)))
            }
            None => Err(Refusal::no_server("")),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits { depth_max: self.bench.limits.json_depth_max }
    }
}

/// Headers of an agent that servers should see even where the gateway itself calls; never its key.
pub(crate) fn mirrored(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    let key = presented_key(headers).unwrap_or_default();
    for (name, value) in headers
        .iter()
        .filter(|(name, value)| name.as_str().starts_with("mcp-param-") && !holds_key(value, key))
    {
        kept.append(name.clone(), value.clone());
    }
    kept
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
