//! A gateway with sessions of two people, and the commands that look after their payloads.

use events::{Event, EventId, PayloadRef, SessionId};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tests::gateway::{Gateway, IDLE_KEY, OTHER_KEY, Setup, UPSTREAM_KEY, program};
use tests::records::Records;
use tests::upstream::{Upstream, completion};
use tests::wire::{AGENT_KEY, Answer, ask, post};

/// What the upstream says to everything.
pub(crate) const ANSWER: &str = "the-answer-that-nobody-else-would-give";

/// A gateway before a model provider.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
}

/// How a command ended, and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Fails unless it ended with this code.
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }
}

/// A gateway's setup with these further sections: agents of Ada and of Olga, one provider.
pub(crate) fn setup(upstream: &Upstream, sections: &str) -> Setup {
    Setup::new()
        .provider("openai", &upstream.url(), "*")
        .agent("olga", "key = { env = \"OTHER_KEY\" }\nmodels = [\"*\"]")
        .sections(sections)
}

/// A provider that always says [`ANSWER`].
pub(crate) fn provider() -> Upstream {
    Upstream::start(|_, connection| connection.reply(200, &completion(ANSWER)))
}

impl Stage {
    /// Starts one.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// Starts one with these further sections in its configuration.
    pub(crate) fn with(sections: &str) -> Self {
        Self { gateway: setup(&provider(), sections).start() }
    }

    /// Ada's agent says this in a session, which is named for the model that it asks.
    pub(crate) fn say(&self, session: &str, text: &str) {
        let answer = say(self.gateway.agents, AGENT_KEY, session, text);
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    /// Olga's agent does.
    pub(crate) fn olga_says(&self, session: &str, text: &str) {
        let answer = say(self.gateway.agents, OTHER_KEY, session, text);
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    /// The id of a session.
    pub(crate) fn session(&self, name: &str) -> SessionId {
        session(&self.gateway.records(), name)
    }

    pub(crate) fn data(&self) -> &Path {
        &self.gateway.data
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.gateway.config()
    }

    /// The words that point a command at the running gateway.
    pub(crate) fn there(&self) -> [String; 4] {
        let url = format!("http://{}", self.gateway.people);
        ["--url".into(), url, "--data".into(), self.data().display().to_string()]
    }

    /// The words that point a command at the stopped gateway's ledger.
    pub(crate) fn here(&self) -> [String; 2] {
        ["--config".into(), self.config().display().to_string()]
    }

    /// Verifies the data folder, which must be in order.
    pub(crate) fn verify(&self) -> Ended {
        run(&["verify", self.data().to_str().unwrap()], &[]).with(0)
    }
}

/// Says something in a session.
pub(crate) fn say(agents: std::net::SocketAddr, key: &str, session: &str, text: &str) -> Answer {
    let body = json!({"model": session, "messages": [{"role": "user", "content": text}]});
    let bearer = format!("Bearer {key}");
    let headers = [("session-id", session), ("authorization", bearer.as_str())];
    ask(agents, post("/v1/chat/completions", &headers, body.to_string())).unwrap()
}

/// Runs a command of the program, with further words behind the first.
pub(crate) fn run(words: &[&str], more: &[String]) -> Ended {
    let output = command(words, more).output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A command of the program with the secrets of the configuration.
pub(crate) fn command(words: &[&str], more: &[String]) -> Command {
    let mut command = program();
    command.args(words).args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("AGENT_KEY", AGENT_KEY).env("OTHER_KEY", OTHER_KEY);
    command.env("IDLE_KEY", IDLE_KEY).env("UPSTREAM_KEY", UPSTREAM_KEY);
    command
}

/// The session of the calls that asked this model.
pub(crate) fn session(records: &Records, name: &str) -> SessionId {
    let dispatched = records.events.iter().find(|envelope| {
        matches!(&envelope.event, Event::CallDispatched(fact) if fact.model.as_deref() == Some(name))
    });
    dispatched.and_then(|envelope| envelope.session).unwrap()
}

/// The payloads that events of a session name, in order.
pub(crate) fn named(records: &Records, session: SessionId) -> Vec<PayloadRef> {
    let of_it = records.events.iter().filter(|envelope| envelope.session == Some(session));
    let named = of_it.filter_map(|envelope| match &envelope.event {
        Event::CallDispatched(fact) => fact.request,
        Event::CallCompleted(fact) => fact.answer,
        _ => None,
    });
    named.collect()
}

/// The sessions that are on record as erased, in order, with the event that asked for it.
pub(crate) fn erased(records: &Records) -> Vec<(Option<EventId>, SessionId)> {
    let mut found = Vec::new();
    for envelope in &records.events {
        if let Event::PayloadErased(fact) = &envelope.event {
            found.extend(fact.sessions.iter().map(|session| (envelope.cause, *session)));
        }
    }
    found
}

/// The report of a verification as JSON.
pub(crate) fn report(ended: &Ended) -> Value {
    let documents: Value = serde_json::from_str(&ended.out).unwrap();
    documents.get(0).cloned().unwrap()
}

/// What a check of a report says, and how it ended.
pub(crate) fn check<'r>(report: &'r Value, name: &str) -> (&'r str, &'r str) {
    let checks = report.get("checks").and_then(Value::as_array).unwrap();
    let found = checks.iter().find(|check| check.get("check").unwrap() == name);
    let text = |member| found.and_then(|found| found.get(member)?.as_str()).unwrap_or_default();
    (text("result"), text("detail"))
}
