//! A gateway and the service where people decide, each a process of its own with its own ledger.

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::gateway::program;
use tests::mcp;
use tests::patience::{PATIENCE, until};
use tests::records::Records;
use tests::tool_server::ToolServer;
use tests::wire::{AGENT_KEY, Answer, ask};

use crate::call::Call;
use crate::plan::{POLICY_FILE, holding};
use crate::scripted::answering;

/// What both processes share.
pub(crate) const SHARED_KEY: &str = "the-secret-that-both-processes-share";

/// One of the two, with its configuration; it is killed when dropped.
pub(crate) struct Process {
    arguments: Vec<String>,
    /// The folder of its data.
    pub(crate) data: PathBuf,
    /// Where people connect, and the other one.
    pub(crate) people: SocketAddr,
    child: Option<Child>,
    /// Where agents connect, while it runs.
    agents: Option<SocketAddr>,
}

/// Both, and the tool server behind the gateway.
pub(crate) struct Pair {
    pub(crate) server: ToolServer,
    pub(crate) gateway: Process,
    pub(crate) service: Process,
    _folder: TempDir,
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Process {
    fn new(folder: &Path, name: &str, (port, role): (u16, &[&str]), text: &str) -> Self {
        let file = folder.join(format!("{name}.toml"));
        let text = format!(
            "data = \"{name}\"\n[listen]\npeople = \"127.0.0.1:{port}\"\n{text}\n\
             [ledger]\nsegment_bytes = \"1 MiB\"\nreserve_bytes = \"1 MiB\"\n"
        );
        std::fs::write(&file, text).unwrap();
        let start = ["serve", "--config", file.to_str().unwrap()];
        let arguments = start.iter().chain(role).map(|word| (*word).to_owned()).collect();
        let people = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { arguments, data: folder.join(name), people, child: None, agents: None }
    }

    /// Starts it, and waits until it listens.
    pub(crate) fn start(&mut self) {
        let mut command = program();
        command.args(&self.arguments).stdout(Stdio::piped());
        command.env("KEY", AGENT_KEY).env("SHARED", SHARED_KEY).env("OTHER", "another-secret-here");
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        self.child = Some(child);
        let (sender, lines) = channel();
        // It goes on to say things after it listens, and must find a reader.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        let mut said = Vec::new();
        while let Ok(line) = lines.recv_timeout(PATIENCE) {
            if let Some(address) = line.strip_prefix("agents   http://") {
                self.agents = Some(address.parse().unwrap());
            }
            if line.starts_with("people   http://") {
                return;
            }
            said.push(line);
        }
        panic!("it did not start: {said:?}");
    }

    /// Kills it at once, as a power cut of this process alone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            drop(child.kill());
            child.wait().unwrap();
        }
    }

    /// Has it stop in order, so that all is sealed.
    fn stop(&mut self) {
        let mut child = self.child.take().unwrap();
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let status = child.wait().unwrap();
        assert!(status.success(), "it ended with {status}");
    }

    /// What is on record.
    pub(crate) fn records(&self) -> Records {
        Records::read(&self.data)
    }

    /// Waits until an event of this kind is on record so often.
    pub(crate) fn has(&self, kind: &str, count: usize) {
        until(kind, || {
            let records = Records::try_read(&self.data).ok()?;
            (records.count(kind) >= count).then_some(())
        });
    }

    fn operator_key(&self) -> String {
        std::fs::read_to_string(self.data.join("keys/operator.key")).unwrap().trim().to_owned()
    }

    /// Asks its people's listener with this bearer token.
    pub(crate) fn ask_as(&self, key: &str, (method, path): (&str, &str), body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        ask(self.people, request).unwrap()
    }

    /// The same with the operator's key.
    pub(crate) fn ask(&self, request: (&str, &str), body: &Value) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.ask_as(&self.operator_key(), request, &text)
    }

    /// Fails if `countersign verify` finds anything in its ledger, which nobody may write now.
    pub(crate) fn verify(&self) {
        let verified = program().arg("verify").arg(&self.data).output().unwrap();
        assert!(verified.status.success(), "{verified:?}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Pair {
    /// Starts both. Every cancellation has to be allowed by the operator within an hour; a call is
    /// held open for this long.
    pub(crate) fn start(hold: &str) -> Self {
        Self::with(hold, "@approvers(\"1 of role:operator\")\n@edit(\"allowed\")", "SHARED")
    }

    /// Starts both, with a policy as these annotations say; the service has the key from this
    /// variable.
    pub(crate) fn with(hold: &str, annotations: &str, key: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = answering();
        std::fs::write(folder.path().join(POLICY_FILE), holding(annotations)).unwrap();
        let (one, two) = (free_port(), free_port());
        let text = format!(
            "agents = \"127.0.0.1:0\"\n\
             [policy]\nfiles = [\"{POLICY_FILE}\"]\n[approvals]\nhold = \"{hold}\"\n\
             no_answers_for = \"0s\"\n\
             service = {{ url = \"http://127.0.0.1:{two}\", key = {{ env = \"SHARED\" }} }}\n\
             [[tools]]\nname = \"airline\"\n{}\n\
             [[agent]]\nname = \"bot\"\nowner = \"ada@example.com\"\n\
             key = {{ env = \"KEY\" }}\ntools = [\"airline/*\"]\n",
            server.url(),
        );
        let gateway = Process::new(folder.path(), "gateway", (one, &[]), &text);
        let text = format!(
            "[[gateway]]\nname = \"one\"\nurl = \"http://127.0.0.1:{one}\"\n\
             key = {{ env = \"{key}\" }}\n"
        );
        let role = &["--role", "approvals"];
        let service = Process::new(folder.path(), "service", (two, role), &text);
        let mut pair = Self { server, gateway, service, _folder: folder };
        pair.gateway.start();
        pair.service.start();
        pair
    }

    /// Makes a call, and waits for what the agent is told.
    pub(crate) fn call(&self, call: &Call) -> Value {
        said(self.gateway.agents.unwrap(), call)
    }

    /// The same, in a thread of its own.
    pub(crate) fn calling(&self, call: &Call) -> JoinHandle<Value> {
        let (agents, call) = (self.gateway.agents.unwrap(), call.clone());
        std::thread::spawn(move || said(agents, &call))
    }

    /// Makes a call until it is made and answered.
    pub(crate) fn insist(&self, call: &Call) {
        until("the call is made", || self.call(call).to_string().contains("done").then_some(()));
    }

    /// The hold that the service knows, once it does.
    pub(crate) fn held(&self) -> Value {
        until("the service knows a hold", || {
            let answer = self.service.ask(("GET", "/api/v1/holds"), &Value::Null).json();
            answer.pointer("/holds/0").cloned()
        })
    }

    /// What the service knows of a hold.
    pub(crate) fn shown(&self, hold: &Value) -> Value {
        let path = format!("/api/v1/holds/{}", id(hold));
        self.service.ask(("GET", &path), &Value::Null).json()
    }

    /// Votes on a hold at the service, as it was shown; gives where it is then.
    pub(crate) fn vote(&self, hold: &Value, vote: &str) -> String {
        let path = format!("/api/v1/holds/{}/votes", id(hold));
        let body = json!({
            "vote": vote, "digest": hold["digest"], "version": hold["version"], "reason": "so",
        });
        let answer = self.service.ask(("POST", &path), &body);
        assert_eq!(answer.status(), 200, "{answer:?}");
        answer.json()["state"].as_str().unwrap().to_owned()
    }

    /// Waits until the service knows a hold to be so.
    pub(crate) fn comes_to(&self, hold: &Value, state: &str) {
        until(state, || (self.shown(hold)["state"] == state).then_some(()));
    }

    /// Kills both; nothing that is on record of either is wrong, and so many calls were made.
    pub(crate) fn end(mut self, made: usize) {
        for process in [&mut self.gateway, &mut self.service] {
            process.kill();
            // What was under way is settled and sealed by the next start.
            process.start();
            process.stop();
            process.verify();
        }
        assert_eq!(self.server.calls().len(), made, "so many calls went upstream");
        let records = self.gateway.records();
        let granted = records.dispatched().into_values().filter(|fact| fact.grant.is_some());
        assert_eq!(granted.count(), made, "each with a grant of its own");
    }
}

fn said(agents: SocketAddr, call: &Call) -> Value {
    let answer = mcp::send(agents, call.path, &call.headers(), call.text());
    mcp::message(&answer.body)
}

pub(crate) fn id(hold: &Value) -> &str {
    hold["id"].as_str().unwrap()
}
