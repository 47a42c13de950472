//! An outside record of what agents and the upstream saw, to hold the ledger to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use events::Event;
use tests::records::Records;
use tests::upstream::{Upstream, chunk, completion};
use tests::wire::{Connection, post};

/// What was seen from outside; each call by its `traceparent`.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    /// Calls whose whole answer an agent has, and that answer.
    acknowledged: Mutex<BTreeMap<String, Vec<u8>>>,
    /// Calls that the upstream has.
    arrived: Mutex<BTreeSet<String>>,
    next: AtomicU64,
}

impl Witness {
    /// An upstream that takes note of each call before it answers.
    pub(crate) fn upstream(self: &Arc<Self>) -> Upstream {
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

    /// Makes calls until the gateway is gone, and takes note of each whole answer.
    pub(crate) fn call_until_gone(&self, agents: SocketAddr) {
        let Ok(mut connection) = Connection::open(agents) else { return };
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
            let trace = format!("00-{number:032x}-{number:016x}-01");
            let stream = number.is_multiple_of(2);
            let body = format!(
                "{{\"model\":\"m\",\"stream\":{stream},\"messages\":\
                 [{{\"role\":\"user\",\"content\":\"{number} {}\"}}]}}",
                "please ".repeat(50)
            );
            let request = post("/v1/chat/completions", &[("traceparent", &trace)], body);
            let Ok(answer) = connection.ask(request) else { return };
            if answer.status() == 200 {
                self.acknowledged.lock().unwrap().insert(trace, answer.body);
            }
        }
    }

    /// How many answers agents have.
    pub(crate) fn answers(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Fails unless the ledger has all that was seen: for each call that arrived its dispatch, and
    /// for each answer its completion and exactly its bytes. Sequences have no gap and no double.
    pub(crate) fn check(&self, records: &Records) {
        let mut dispatched = BTreeMap::new();
        let mut completed = BTreeMap::new();
        for envelope in &records.events {
            match (&envelope.event, envelope.call) {
                (Event::CallDispatched(fact), Some(call)) => {
                    let trace = fact.trace.as_deref().unwrap_or_default().to_owned();
                    assert!(
                        dispatched.insert(trace, call).is_none(),
                        "a call was dispatched twice"
                    );
                }
                (Event::CallCompleted(fact), Some(call)) => {
                    completed.insert(call, (envelope.session, fact.answer));
                }
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
            let kept = records.payload(*session, &reference.unwrap());
            assert!(kept == *answer, "the answer of {trace} is not what was released");
        }
    }
}
