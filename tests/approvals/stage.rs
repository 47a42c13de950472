//! A gateway in this process before the stand-in airline, so that a suite can decide at its desk.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use approvals::{Ballot, Desk, HoldFilter, HoldView, Voter};
use events::{CallId, Channel, Operation, Person, View, Vote};
use ledger::sealer::LostLock;
use proxy::config::{Config, Found, Loaded, Secret, SecretRef};
use proxy::gateway::Gateway;
use proxy::standin::recording::Message;
use serde_json::Value;
use tempfile::TempDir;
use tests::mcp;
use tests::patience::until;
use tests::records::Records;
use tests::standins::Standins;
use tests::wire::{AGENT_KEY, Connection};
use tokio::runtime::Runtime;

/// The tool that people must allow.
pub(crate) const HELD_TOOL: &str = "cancel_reservation";

/// A policy that holds every cancellation.
pub(crate) const POLICY: &str = r#"
@id("everything")
permit (principal, action, resource);

@id("cancellations")
@why("Cancelling a reservation cannot be undone.")
@approvers("1 of role:approver")
@risk("high")
forbid (principal, action == Action::"airline/cancel_reservation", resource)
when { context.unattended };
"#;

/// The airline, the gateway before it, and where both keep what they keep.
pub(crate) struct Stage {
    pub(crate) standins: Standins,
    gateway: Option<Gateway>,
    runtime: Runtime,
    folder: Arc<TempDir>,
    hold: Duration,
}

impl Stage {
    /// Starts both; an MCP request waits so long for people.
    pub(crate) fn start(hold: Duration) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        std::fs::write(folder.path().join("policy.cedar"), POLICY).unwrap();
        let standins = Standins::start(Duration::ZERO);
        let runtime = Runtime::new().unwrap();
        let mut stage = Self { standins, gateway: None, runtime, folder, hold };
        stage.start_gateway();
        stage
    }

    fn start_gateway(&mut self) {
        let loaded = self.loaded();
        let started = self.runtime.block_on(Gateway::start(loaded, LostLock::Refuse));
        self.gateway = Some(started.unwrap());
    }

    fn loaded(&self) -> Loaded {
        let text = format!(
            "data = \"data\"\n[listen]\nagents = \"127.0.0.1:0\"\npeople = \"127.0.0.1:0\"\n\
             [policy]\nfiles = [\"policy.cedar\"]\n[approvals]\nhold = \"{}ms\"\n\
             [[tools]]\nname = \"airline\"\nurl = \"{}\"\n\
             [[agent]]\nname = \"bot\"\nowner = \"ada@example.com\"\n\
             key = {{ env = \"KEY\" }}\ntools = [\"airline/*\"]\n",
            self.hold.as_millis(),
            self.standins.airline_url(),
        );
        let look_up =
            |_: &SecretRef| Ok(Found { secret: Secret::new(AGENT_KEY), readable_by_others: false });
        let file = self.folder.path().join("countersign.toml");
        Config::parse(&text, &file, &look_up).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// Stops the gateway in order, and starts it again on the same ledger.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start_gateway();
    }

    fn stop(&mut self) {
        let gateway = self.gateway.take().unwrap();
        self.runtime.block_on(gateway.stop("the test says so")).unwrap();
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// Stops the gateway in order; gives what is on record, and the folder it is in.
    pub(crate) fn end(mut self) -> (Records, Arc<TempDir>) {
        self.stop();
        (Records::read(&self.data()), Arc::clone(&self.folder))
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where agents connect.
    pub(crate) fn agents(&self) -> SocketAddr {
        self.gateway().agents
    }

    pub(crate) fn desk(&self) -> Desk {
        self.gateway().gate().desk().clone()
    }

    /// Waits until a call waits for people.
    pub(crate) fn held(&self) -> HoldView {
        let desk = self.desk();
        let pending = HoldFilter { pending: Some(true), ..HoldFilter::default() };
        until("a call that waits", || desk.holds(&pending).into_iter().next())
    }

    /// Votes as a person with the role `approver`.
    pub(crate) fn vote(&self, hold: CallId, email: &str, vote: Vote) {
        let desk = self.desk();
        let view = desk.hold(hold).unwrap();
        let ballot = Ballot {
            voter: voter(email),
            vote,
            digest: view.hold.digest,
            version: view.hold.version,
            reason: Some("because the suite says so".to_owned()),
            view: Some(View {
                digest: view.hold.digest,
                open_ms: 60_000,
                opened: Vec::new(),
                sections: 0,
            }),
            for_person: None,
            assertion: None,
        };
        self.runtime.block_on(desk.vote(hold, ballot)).unwrap();
    }

    /// How many tool calls went upstream.
    pub(crate) fn made(&self) -> usize {
        let records = Records::read(&self.data());
        let dispatched = records.dispatched();
        dispatched.values().filter(|fact| fact.operation == Operation::ExecuteTool).count()
    }

    /// Sends a call, and does not wait for the answer.
    pub(crate) fn send(&self, call: &Call) -> Connection {
        let mut connection = Connection::open(self.agents()).unwrap();
        connection.send(&mcp::sent(call.path, &call.headers(), call.text())).unwrap();
        connection
    }

    /// Sends a call of the held tool over a connection of its own, and waits for the answer.
    pub(crate) fn call(&self, call: &Call) -> Value {
        let answer = mcp::send(self.agents(), call.path, &call.headers(), call.text());
        mcp::message(&answer.body)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            drop(self.runtime.block_on(gateway.stop("the test is over")));
        }
    }
}

pub(crate) fn voter(email: &str) -> Voter {
    Voter {
        person: Person { email: email.into(), id: format!("local:{email}").into() },
        groups: Vec::new(),
        roles: vec!["approver".into()],
        sign_in: None,
        channel: Channel::Web,
    }
}

/// A call of a tool in one of the two eras.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) path: &'static str,
    pub(crate) modern: bool,
    pub(crate) session: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) arguments: Value,
}

impl Call {
    fn text(&self) -> String {
        let tool = if self.path == "/mcp" { "airline__cancel_reservation" } else { HELD_TOOL };
        let text = if self.modern {
            mcp::modern_call(7, tool, &self.arguments)
        } else {
            mcp::call(7, tool, &self.arguments)
        };
        let Some(state) = &self.state else { return text };
        let mut message: Value = serde_json::from_str(&text).unwrap();
        let params = message.get_mut("params").and_then(Value::as_object_mut).unwrap();
        params.insert("requestState".to_owned(), state.as_str().into());
        message.to_string()
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        let tool = if self.path == "/mcp" { "airline__cancel_reservation" } else { HELD_TOOL };
        match (&self.session, self.modern) {
            (Some(session), _) => vec![("mcp-session-id", session)],
            (None, true) => vec![
                ("mcp-protocol-version", mcp::MODERN),
                ("mcp-method", "tools/call"),
                ("mcp-name", tool),
            ],
            (None, false) => Vec::new(),
        }
    }
}

/// Arguments for which the airline has a recorded answer.
pub(crate) fn arguments(standins: &Standins) -> Value {
    let messages = standins.recordings.sessions().iter().flat_map(|session| &session.messages);
    let turns = messages.map(Message::turn);
    let mut calls = turns.flat_map(|turn| turn.calls).filter(|call| call.name == HELD_TOOL);
    serde_json::from_str(&calls.next().unwrap().arguments).unwrap()
}
