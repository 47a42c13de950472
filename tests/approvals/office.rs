//! The real program before a tool server, with approvers who have accounts and vote over HTTP, so
//! that it can be killed.

use std::net::SocketAddr;
use std::path::PathBuf;

use events::{CallId, Event};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::gateway::{Gateway, Setup};
use tests::mcp;
use tests::records::Records;
use tests::tool_server::ToolServer;
use tests::wire::{Answer, Connection, ask};

use crate::call::Call;
use crate::plan::holding;

/// The program and those who decide.
pub(crate) struct Office {
    pub(crate) gateway: Gateway,
    /// What each approver proves to be by.
    approvers: Vec<String>,
    /// Where its policy is.
    folder: TempDir,
}

/// A request of the people's listener, as a program sends it.
fn request(method: &str, path: &str, (token, kind): (&str, &str), body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: same-origin\r\n\
         authorization: Bearer {token}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n\
         {body}"
    )
}

fn json_of(method: &str, path: &str, token: &str, body: &Value) -> String {
    request(method, path, (token, "application/json"), &body.to_string())
}

/// Lets somebody have an account, and signs them in; gives what they prove to be by.
fn approver(people: SocketAddr, operator: &str, email: &str) -> String {
    let whom = json!({"email": email, "name": "An Approver", "roles": ["approver"]});
    let invited = ask(people, json_of("POST", "/api/v1/people", operator, &whom)).unwrap();
    assert_eq!(invited.status(), 201, "{invited:?}");
    let link = invited.json().get("link").and_then(Value::as_str).unwrap().to_owned();
    let token = link.split_once("token=").unwrap().1;
    let form = format!("token={token}&password=correct+horse+battery&again=correct+horse+battery");
    let kind = ("", "application/x-www-form-urlencoded");
    let welcomed = ask(people, request("POST", "/set-password", kind, &form)).unwrap();
    assert_eq!(welcomed.status(), 303, "{welcomed:?}");
    let cookie = welcomed.head.headers.iter().find_map(|(name, value)| {
        (name == "set-cookie").then(|| value.strip_prefix("countersign="))?
    });
    cookie.unwrap().split(';').next().unwrap().to_owned()
}

impl Office {
    /// Starts the program, which holds every cancellation as the annotations say, with so many
    /// approvers; a tool call is held open so long.
    pub(crate) fn open(
        (annotations, hold): (&str, &str),
        approvers: usize,
        airline: &ToolServer,
        data: Option<PathBuf>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policy = folder.path().join("policy.cedar");
        std::fs::write(&policy, holding(annotations)).unwrap();
        let sections = format!(
            "[policy]\nfiles = [\"{}\"]\n[approvals]\nhold = \"{hold}\"\nasks_per_hour = 100000\n",
            policy.display()
        );
        let mut setup = Setup::new().tools("airline", &airline.url()).sections(&sections);
        if let Some(data) = data {
            setup = setup.data(&data);
        }
        let gateway = setup.start();
        let key = std::fs::read_to_string(gateway.data.join("keys/operator.key")).unwrap();
        let people = gateway.people;
        let email = |number: usize| format!("approver-{number}@example.com");
        let approvers = (0..approvers).map(|it| approver(people, key.trim(), &email(it))).collect();
        Self { gateway, approvers, folder }
    }

    /// Kills the program, and starts it again on what it left.
    pub(crate) fn kill(self) -> Self {
        let Self { mut gateway, approvers, folder } = self;
        gateway.kill();
        Self { gateway: gateway.again(), approvers, folder }
    }

    /// Sends a call, and does not wait for the answer.
    pub(crate) fn send(&self, call: &Call) -> Connection {
        let mut connection = Connection::open(self.gateway.agents).unwrap();
        connection.send(mcp::sent(call.path, &call.headers(), call.text())).unwrap();
        connection
    }

    /// Sends a call, and waits for the message in the answer.
    pub(crate) fn call(&self, call: &Call) -> Value {
        let answer = mcp::send(self.gateway.agents, call.path, &call.headers(), call.text());
        mcp::message(&answer.body)
    }

    /// Waits until so many calls have been held; the latest of them.
    pub(crate) fn held(&self, count: usize) -> CallId {
        let records = self.gateway.recorded("a held call", |it| it.count("call.held") == count);
        let held = records.events.iter().filter(|it| matches!(it.event, Event::CallHeld(_)));
        held.filter_map(|envelope| envelope.call).next_back().unwrap()
    }

    /// What somebody is told about a call.
    pub(crate) fn show(&self, hold: CallId) -> Value {
        let path = format!("/api/v1/holds/{hold}");
        let token = self.approvers.first().unwrap();
        let shown = ask(self.gateway.people, json_of("GET", &path, token, &json!({}))).unwrap();
        assert_eq!(shown.status(), 200, "{shown:?}");
        shown.json()
    }

    /// The request that says yes to what is shown of a call, for this approver.
    pub(crate) fn yes(&self, hold: CallId, approver: usize) -> String {
        let shown = self.show(hold);
        let vote = json!({
            "vote": "approve", "digest": shown.get("digest"), "version": shown.get("version"),
        });
        let path = format!("/api/v1/holds/{hold}/votes");
        json_of("POST", &path, self.approvers.get(approver).unwrap(), &vote)
    }

    /// Has an approver say yes.
    pub(crate) fn approve(&self, hold: CallId, approver: usize) -> Answer {
        ask(self.gateway.people, self.yes(hold, approver)).unwrap()
    }

    /// Has an approver say something.
    pub(crate) fn comment(&self, hold: CallId, text: &str) -> Answer {
        let path = format!("/api/v1/holds/{hold}/comments");
        let token = self.approvers.first().unwrap();
        let said = json_of("POST", &path, token, &json!({"text": text}));
        ask(self.gateway.people, said).unwrap()
    }

    /// Where a call is.
    pub(crate) fn state(&self, hold: CallId) -> String {
        let shown = self.show(hold);
        shown.get("state").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Stops the program, and checks that nothing was left open.
    pub(crate) fn close(mut self) -> Records {
        self.gateway.stop_and_check()
    }
}
