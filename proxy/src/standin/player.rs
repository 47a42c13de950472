//! Plays recorded sessions as ordinary agents do, with real HTTP requests to any base URLs.
//!
//! An agent sends the whole conversation with every turn, calls the tools that the model asks for,
//! and goes on with what the person said in the recording. It gives a gateway no help to tell
//! which call belongs to which: no trace, no metadata, no id beyond what the protocols demand.

mod exchange;
mod model;
mod tools;

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::task::JoinSet;

pub use self::{exchange::ExchangeError, tools::Era};
use self::{exchange::Exchanges, model::History, tools::Tools};
use super::{
    conversation::{Call, Role, Turn, call_digest},
    recording::{Message, Recordings, Session},
};

/// The model that recorded agents ask for.
pub const MODEL: &str = "gpt-4o";

/// How an agent reaches its model and its tools.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the model is, such as `http://127.0.0.1:8080/v1`.
    pub model_url: String,
    /// Where the tools are, such as `http://127.0.0.1:8080/mcp/airline`.
    pub tools_url: String,
    /// The bearer token of the agent, for both.
    pub key: Option<String>,
    /// Which MCP it speaks.
    pub era: Era,
    /// Whether it has answers streamed.
    pub stream: bool,
}

/// What was played, added up.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// Sessions played to their end.
    pub sessions: usize,
    /// Requests to the model.
    pub model_requests: usize,
    /// MCP requests, notifications and session ends.
    pub tool_requests: usize,
    /// Tool calls among them.
    pub tool_calls: usize,
    /// Bytes of the bodies of all requests.
    pub bytes_sent: usize,
    /// Bytes of the bodies of all answers.
    pub bytes_received: usize,
    /// Answers and tool results that no recording holds at this point.
    pub mismatches: usize,
    /// Tool results that are recorded for the same call, but at another time. They are to be
    /// expected when several agents play at once.
    pub varied: usize,
    /// Sessions that ended early.
    pub failed: usize,
    /// Why the first of them did.
    pub first_failure: Option<String>,
}

impl Played {
    fn add(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.model_requests += other.model_requests;
        self.tool_requests += other.tool_requests;
        self.tool_calls += other.tool_calls;
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.mismatches += other.mismatches;
        self.varied += other.varied;
        self.failed += other.failed;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }
}

/// An agent. It plays one session at a time over its own connections.
pub struct Player {
    recordings: Arc<Recordings>,
    options: Options,
    exchanges: Exchanges,
}

impl Player {
    /// An agent that plays from these recordings.
    pub fn new(recordings: Arc<Recordings>, options: Options) -> Self {
        let exchanges = Exchanges::new(options.key.as_deref());
        Self { recordings, options, exchanges }
    }

    /// Makes one tool call, and waits for people where they have to allow it; gives the text of the
    /// result, or says why there is none.
    pub async fn make(&self, call: &Call) -> Result<String, String> {
        let mut tools = Tools::new(&self.exchanges, &self.options.tools_url, self.options.era);
        tools.open().await.map_err(|error| error.to_string())?;
        tools.call(call).await.map_err(|error| error.to_string())
    }

    /// Plays one session. A failure ends it and is told in the result.
    pub async fn play(&self, session: &Session) -> Played {
        let mut played = Played::default();
        match self.act(session, &mut played).await {
            Ok(()) => played.sessions = 1,
            Err(error) => {
                played.failed = 1;
                let (task, trial) = (session.task_id, session.trial);
                played.first_failure = Some(format!("task {task}, trial {trial}: {error}"));
            }
        }
        let traffic = self.exchanges.take_traffic();
        played.bytes_sent = traffic.sent;
        played.bytes_received = traffic.received;
        played
    }

    async fn act(&self, session: &Session, played: &mut Played) -> Result<(), ExchangeError> {
        let mut tools = Tools::new(&self.exchanges, &self.options.tools_url, self.options.era);
        let offered = tools.open().await;
        played.tool_requests += tools.take_requests();
        let url = format!("{}/chat/completions", self.options.model_url);
        let mut history = History::new(&offered?, self.options.stream);
        let mut asked: Vec<Call> = Vec::new();
        for message in &session.messages {
            let turn = message.turn();
            if turn.role == Role::Assistant {
                played.model_requests += 1;
                let answer = history.ask(&self.exchanges, &url).await?;
                played.mismatches += usize::from(answer != turn);
                asked.clone_from(&turn.calls);
            }
            if let Message::Tool { tool_call_id, content } = message
                && let Some(call) = asked.iter().find(|call| call.id == *tool_call_id)
            {
                played.tool_calls += 1;
                let result = tools.call(call).await;
                played.tool_requests += tools.take_requests();
                let result = result?;
                self.compare(call, content, &result, played);
                let said = Turn::said(Role::Tool, result);
                history.push(&said, Some((tool_call_id, &call.name)));
            } else {
                history.push(&turn, None);
            }
        }
        let closed = tools.close().await;
        played.tool_requests += tools.take_requests();
        closed
    }

    fn compare(&self, call: &Call, recorded: &str, result: &str, played: &mut Played) {
        if result == recorded {
            return;
        }
        let call = call_digest(&call.name, &call.arguments_value());
        if self.recordings.results(&call).iter().any(|other| **other == *result) {
            played.varied += 1;
        } else {
            played.mismatches += 1;
        }
    }
}

/// Lets each player take the next session of a range until none is left; all play at once.
///
/// The range counts sessions of the recordings of each player, which should be the same.
pub async fn play_all(players: Vec<Player>, sessions: Range<usize>) -> Played {
    let next = Arc::new(AtomicUsize::new(sessions.start));
    let mut agents = JoinSet::new();
    for player in players {
        let next = Arc::clone(&next);
        agents.spawn(async move {
            let mut played = Played::default();
            let mut index = next.fetch_add(1, Ordering::Relaxed);
            while let Some(session) = player.recordings.sessions().get(index)
                && index < sessions.end
            {
                played.add(player.play(session).await);
                index = next.fetch_add(1, Ordering::Relaxed);
            }
            played
        });
    }
    let mut all = Played::default();
    while let Some(ended) = agents.join_next().await {
        match ended {
            Ok(played) => all.add(played),
            Err(error) => {
                let first_failure = Some(format!("an agent stopped: {error}"));
                all.add(Played { failed: 1, first_failure, ..Played::default() });
            }
        }
    }
    all
}
