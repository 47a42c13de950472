//! An outside record of what agents and upstreams saw, to hold the ledger to.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use events::{Event, SessionId};
use serde_json::{Value, json};
use tests::gateway::Setup;
use tests::mcp::{initialize, sent};
use tests::patience::until;
use tests::records::Records;
use tests::tool_server::ToolServer;
use tests::upstream::{Upstream, chunk, completion};
use tests::wire::{Connection, ask, look, post};

/// The log's name; that of its lock follows from it.
const ORIGIN: &str = "ledger.example.com/crash/0";

/// How many more answers come before each erasure.
const ANSWERS_PER_ERASURE: usize = 11;

/// What was seen from outside; each call by its `traceparent`.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// Calls whose whole answer an agent has, and that answer.
    acknowledged: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Calls that an upstream has.
    arrived: Mutex<BTreeSet<String>>,
    /// Sessions whose payloads are gone, as the operator was told.
    erased: Mutex<BTreeSet<SessionId>>,
    next: AtomicU64,
}

/// What agents call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Load {
    /// A model, every other time with a stream.
    Models,
    /// A tool at this path, in a session; its server streams every other time.
    Tools(&'static str),
}

impl Witness {
    /// A gateway before a provider and a tool server that take note of each call before they
    /// answer.
    pub(crate) fn setup(self: &Arc<Self>) -> Setup {
        Setup::new()
            .provider("openai", &self.provider().url(), "*")
            .tools("tools", &self.tool_server().url())
            .prefix("never")
            .sections(&format!("[checkpoints]\norigin = \"{ORIGIN}\"\ninterval = \"50ms\""))
    }

    fn provider(self: &Arc<Self>) -> Upstream {
        let witness = Arc::clone(self);
        Upstream::start(move |request, connection| {
            let trace = request.header("traceparent").unwrap_or_default().to_owned();
            let answer = completion(&format!("{trace} {}", "well ".repeat(100)));
            witness.arrived.lock().unwrap().insert(trace);
            if !request.body.windows(13).any(|window| window == b"\"stream\":true") {
                return connection.reply(200, &answer);
            }
            connection.begin_stream()?;
            for _ in 0..5 {
                connection.event(&chunk("well ", None))?;
            }
            connection.event(&chunk("end", Some("stop")))?;
            connection.event("[DONE]")?;
            connection.end_stream()
        })
    }

    fn tool_server(self: &Arc<Self>) -> ToolServer {
        let witness = Arc::clone(self);
        ToolServer::start(&["work"], move |call, connection| {
            let trace = call.params.pointer("/_meta/traceparent").and_then(Value::as_str);
            let trace = trace.unwrap_or_default().to_owned();
            let said = call.said(&format!("{trace} {}", "well ".repeat(100)));
            witness.arrived.lock().unwrap().insert(trace);
            if call.id.as_u64().is_some_and(|id| id.is_multiple_of(2)) {
                return connection.reply(200, &said);
            }
            connection.begin_stream()?;
            connection.event(&said)?;
            connection.end_stream()
        })
    }

    /// Makes calls until the gateway is gone, and takes note of each whole answer.
    pub(crate) fn call_until_gone(&self, agents: SocketAddr, load: Load) {
        self.call(agents, load, usize::MAX);
    }

    /// Makes so many calls, unless the gateway is gone before, and takes note of each whole answer.
    pub(crate) fn call(&self, agents: SocketAddr, load: Load, count: usize) {
        let Ok(mut connection) = Connection::open(agents) else { return };
        let Some(session) = session(&mut connection, load) else { return };
        for _ in 0..count {
            let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
            let trace = format!("00-{number:032x}-{number:016x}-01");
            let request = match load {
                Load::Models => model_call(number, &trace),
                Load::Tools(path) => tool_call(path, &session, number, &trace),
            };
            let Ok(answer) = connection.ask(request) else { return };
            if answer.status() == 200 {
                self.acknowledged.lock().unwrap().insert(trace, answer.body);
            }
        }
    }

    /// Erases one conversation with a model after the other, each after some more answers, until
    /// the gateway is gone, and takes note of what it says it has erased.
    pub(crate) fn erase_until_gone(&self, people: SocketAddr, data: &Path) {
        let mut wanted = self.answers();
        until("the end of the gateway", || {
            if self.answers() < wanted {
                return look(people, "/healthz").is_err().then_some(());
            }
            wanted = self.answers() + ANSWERS_PER_ERASURE;
            self.erase_one(people, data).is_err().then_some(())
        });
    }

    /// Erases a conversation that has ended, if there is one.
    pub(crate) fn erase_one(&self, people: SocketAddr, data: &Path) -> io::Result<()> {
        let records = Records::read(data);
        let modelled = records.dispatched();
        let mut ended = records.events.iter().rev().filter(|envelope| {
            let call = envelope.call.and_then(|call| modelled.get(&call));
            matches!(envelope.event, Event::CallCompleted(_))
                && call.is_some_and(|fact| fact.model.is_some())
        });
        let Some(session) = ended.find_map(|envelope| envelope.session) else { return Ok(()) };
        let key = std::fs::read_to_string(data.join("keys/operator.key"))?;
        let bearer = format!("Bearer {}", key.trim());
        let asked = json!({"sessions": [session], "basis": "a test", "by": "a test"}).to_string();
        let answer = ask(people, post("/api/v1/erasures", &[("authorization", &bearer)], asked))?;
        if answer.status() == 200 {
            self.erased.lock().unwrap().insert(session);
        }
        Ok(())
    }

    /// How many answers agents have.
    pub(crate) fn answers(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// As [`Witness::check`], of a ledger that nobody has recovered since a kill: while an erasure
    /// goes on, what stands behind its places cannot be read.
    pub(crate) fn check_killed(&self, data: &Path) {
        if !data.join("ledger/erasing").exists() {
            self.check(&Records::read(data));
        }
    }

    /// Fails unless the ledger has all that was seen: for each call that arrived its dispatch, and
    /// for each answer its completion and exactly its bytes, unless they were erased. Nothing is
    /// there twice, and sequences have no gap.
    pub(crate) fn check(&self, records: &Records) {
        let ids: BTreeSet<_> = records.events.iter().map(|envelope| envelope.id).collect();
        assert_eq!(ids.len(), records.events.len(), "an event is recorded twice");
        let erased = self.erased.lock().unwrap();
        let mut asked = BTreeSet::new();
        let mut dispatched = BTreeMap::new();
        let mut completed = BTreeMap::new();
        for envelope in &records.events {
            match (&envelope.event, envelope.call) {
                (Event::CallDispatched(fact), Some(call)) => {
                    // What opens sessions and lists tools has none.
                    let Some(trace) = fact.trace.as_deref() else { continue };
                    assert!(
                        dispatched.insert(trace.to_owned(), call).is_none(),
                        "a call was dispatched twice"
                    );
                }
                (Event::CallCompleted(fact), Some(call)) => {
                    completed.insert(call, (envelope.session, fact.answer));
                }
                (Event::EraseRequested(fact), _) => asked.extend(fact.sessions.iter().copied()),
                _ => {}
            }
        }
        for trace in &*self.arrived.lock().unwrap() {
            assert!(dispatched.contains_key(trace), "{trace} went upstream unrecorded");
        }
        for (trace, answer) in &*self.acknowledged.lock().unwrap() {
            let call = dispatched.get(trace).unwrap_or_else(|| panic!("{trace} is lost"));
            let (session, reference) =
                completed.get(call).unwrap_or_else(|| panic!("the outcome of {trace} is lost"));
            let kept = records.kept(*session, &reference.unwrap());
            let gone = session.is_some_and(|session| erased.contains(&session));
            assert!(!gone || kept.is_none(), "the answer of {trace} was erased and is there");
            if kept.is_none() && session.is_some_and(|session| asked.contains(&session)) {
                continue;
            }
            assert!(
                kept.as_ref() == Some(answer),
                "the answer of {trace} is not what was released"
            );
        }
    }
}

/// The session that tools are called in, nothing for models; `None` if the gateway is gone.
fn session(connection: &mut Connection, load: Load) -> Option<String> {
    let Load::Tools(path) = load else { return Some(String::new()) };
    let answer = connection.ask(sent(path, &[], initialize().to_string())).ok()?;
    answer.head.header("mcp-session-id").map(str::to_owned)
}

fn model_call(number: u64, trace: &str) -> Vec<u8> {
    let stream = number.is_multiple_of(2);
    let body = format!(
        "{{\"model\":\"m\",\"stream\":{stream},\"messages\":\
         [{{\"role\":\"user\",\"content\":\"{number} {}\"}}]}}",
        "please ".repeat(50)
    );
    post("/v1/chat/completions", &[("traceparent", trace)], body)
}

fn tool_call(path: &str, session: &str, number: u64, trace: &str) -> Vec<u8> {
    let params = json!({
        "name": "work",
        "arguments": {"text": format!("{number} {}", "please ".repeat(50))},
        "_meta": {"traceparent": trace},
    });
    let body = json!({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params});
    sent(path, &[("mcp-session-id", session)], body.to_string())
}
