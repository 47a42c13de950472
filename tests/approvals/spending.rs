//! Sessions that have cost too much: policies count what model calls cost.

use std::io;

use ledger::sealer::LostLock;
use proxy::config::{Config, Found, Secret, SecretRef};
use proxy::gateway::Gateway;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::records::Records;
use tests::upstream::{Request, Upstream, chunk, completion};
use tests::wire::{AGENT_KEY, Answer, Connection, ask, post};
use tokio::runtime::Runtime;

/// A policy that holds model calls of a session that has cost more than 1.00.
const POLICY: &str = r#"
@id("everything")
permit (principal, action, resource);

@id("spend")
@why("This session has already cost more than 1.00.")
forbid (principal, action == Action::"call_model", resource)
when { context.unattended && context.session.cost_micros > 1000000 };
"#;

/// At this price an answer of the provider costs 0.50.
const CONFIG: &str = r#"
data = "data"
[listen]
agents = "127.0.0.1:0"
people = "127.0.0.1:0"
[policy]
files = ["policy.cedar"]
[approvals]
hold_models = "1s"
[[price]]
models = ["scripted-2026-*"]
input = "5.00"
cached_input = "2.50"
output = "20.00"
[[agent]]
name = "bot"
owner = "ada@example.com"
key = { env = "KEY" }
models = ["*"]
[[model]]
name = "provider"
dialect = "openai"
"#;

/// A provider that has counted the same for every answer, and a gateway before it.
struct Stage {
    provider: Upstream,
    gateway: Option<Gateway>,
    runtime: Runtime,
    folder: TempDir,
}

impl Stage {
    fn start() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("policy.cedar"), POLICY).unwrap();
        let (provider, runtime) = (Upstream::start(counted), Runtime::new().unwrap());
        let mut stage = Self { provider, gateway: None, runtime, folder };
        stage.start_gateway();
        stage
    }

    fn start_gateway(&mut self) {
        let text = format!("{CONFIG}url = \"{}\"\n", self.provider.url());
        let look_up =
            |_: &SecretRef| Ok(Found { secret: Secret::new(AGENT_KEY), readable_by_others: false });
        let file = self.folder.path().join("countersign.toml");
        let loaded = Config::parse(&text, &file, &look_up).unwrap_or_else(|it| panic!("{it}"));
        let started = self.runtime.block_on(Gateway::start(loaded, LostLock::Refuse));
        self.gateway = Some(started.unwrap());
    }

    fn stop(&mut self) {
        let gateway = self.gateway.take().unwrap();
        self.runtime.block_on(gateway.stop("the test says so")).unwrap();
    }

    /// Asks the model something within a session.
    fn ask(&self, session: &str, text: &str, stream: bool) -> Answer {
        let body = json!({
            "model": "alias", "stream": stream, "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": text}],
        });
        let request = post("/v1/chat/completions", &[("x-session-id", session)], body.to_string());
        ask(self.gateway.as_ref().unwrap().agents, request).unwrap()
    }

    /// How many requests the provider has seen.
    fn made(&self) -> usize {
        self.provider.seen().len()
    }
}

/// Answers as a model with a dated name that read 100 000 tokens, 40 000 of them from its cache,
/// and wrote 5000: 0.30, 0.10 and 0.10.
fn counted(request: &Request, connection: &mut Connection) -> io::Result<()> {
    let usage = json!({
        "prompt_tokens": 100_000, "completion_tokens": 5000, "total_tokens": 105_000,
        "prompt_tokens_details": {"cached_tokens": 40_000},
    });
    let with = |text: String, usage: &Value| {
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        answer["model"] = "scripted-2026-01-01".into();
        answer["usage"] = usage.clone();
        answer.to_string()
    };
    if !String::from_utf8_lossy(&request.body).contains("\"stream\":true") {
        return connection.reply(200, &with(completion("hello"), &usage));
    }
    connection.begin_stream()?;
    connection.event(&with(chunk("hello", None), &Value::Null))?;
    connection.event(&with(chunk("", Some("stop")), &usage))?;
    connection.event("[DONE]")?;
    connection.end_stream()
}

#[test]
fn a_session_that_has_cost_too_much_waits_for_people_and_others_go_on() {
    let mut stage = Stage::start();
    for (number, stream) in [(1, false), (2, true), (3, false)] {
        // At exactly 1.00 the third one is not too much yet.
        let answer = stage.ask("one", &format!("question {number}"), stream);
        assert_eq!((answer.status(), stage.made()), (200, number), "{answer:?}");
    }
    let held = stage.ask("one", "question 4", false);
    assert_eq!((held.code().as_str(), stage.made()), ("approval_pending", 3));
    assert_eq!(stage.ask("two", "question 4", false).status(), 200, "it has cost nothing yet");

    // A restarted gateway has not forgotten it, and has counted nothing twice.
    stage.stop();
    stage.start_gateway();
    let held = stage.ask("one", "question 5", false);
    assert_eq!((held.code().as_str(), stage.made()), ("approval_pending", 4));
    for (number, made) in [(5, 5), (6, 6)] {
        let answer = stage.ask("two", &format!("question {number}"), true);
        assert_eq!((answer.status(), stage.made()), (200, made), "{answer:?}");
    }
    let held = stage.ask("two", "question 7", false);
    assert_eq!((held.code().as_str(), stage.made()), ("approval_pending", 6));

    stage.stop();
    let records = Records::read(&stage.folder.path().join("data"));
    records.assert_complete();
    assert_eq!((records.count("call.held"), records.count("call.dispatched")), (3, 6));
}
