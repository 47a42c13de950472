//! Nothing is done before it is on disk, and nothing is released before its outcome is.

use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use events::Event;
use tests::gateway::{Gateway, Setup};
use tests::records::Records;
use tests::upstream::{Request, Upstream, chunk, completion};
use tests::wire::{Connection, ask, chat, post};

/// A `traceparent` of its own for each call, by which the ledger's record of it is found.
fn trace(number: u64) -> String {
    format!("00-{:032x}-{:016x}-01", number + 1, number + 1)
}

/// What is wrong with the ledger at the moment when the upstream has this request.
fn flaw(records: &Records, request: &Request) -> Option<String> {
    let trace = request.header("traceparent")?;
    let mut found = records.events.iter().filter_map(|envelope| match &envelope.event {
        Event::CallDispatched(fact) if fact.trace.as_deref() == Some(trace) => {
            Some((envelope, fact))
        }
        _ => None,
    });
    let Some((envelope, fact)) = found.next() else {
        return Some(format!("no dispatch for {trace}"));
    };
    if !records.outcomes(envelope.call?).is_empty() {
        return Some(format!("{trace} has its outcome before its answer"));
    }
    let Some(reference) = &fact.request else { return Some(format!("{trace} has no payload")) };
    let content = records.payload(envelope.session, reference);
    (content != request.body).then(|| format!("{trace} has another payload"))
}

#[test]
fn when_the_upstream_has_a_request_its_dispatch_and_payload_are_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let flaws = Arc::new(Mutex::new(Vec::new()));
    let (seen, kept) = (data.clone(), Arc::clone(&flaws));
    let upstream = Upstream::start(move |request, connection| {
        kept.lock().unwrap().extend(flaw(&Records::read(&seen), request));
        if request.body.windows(13).any(|window| window == b"\"stream\":true") {
            connection.begin_stream()?;
            connection.event(&chunk("well", Some("stop")))?;
            connection.event("[DONE]")?;
            return connection.end_stream();
        }
        connection.reply(200, &completion("well"))
    });
    let setup = Setup::new().provider("openai", &upstream.url(), "*").provider(
        "anthropic",
        &upstream.url(),
        "*",
    );
    let mut gateway = setup.data(&data).start();
    let agents = gateway.agents;
    std::thread::scope(|scope| {
        for worker in 0..6 {
            scope.spawn(move || converse(agents, worker));
        }
    });
    assert_eq!(*flaws.lock().unwrap(), Vec::<String>::new());
    assert_eq!(upstream.seen().len(), 48);
    let records = gateway.stop_and_check();
    assert_eq!((records.count("call.dispatched"), records.count("call.completed")), (48, 48));
}

/// Makes eight calls over one connection, in both dialects, streaming and not.
fn converse(agents: SocketAddr, worker: u64) {
    let mut connection = Connection::open(agents).unwrap();
    for turn in 0..8 {
        let number = worker * 100 + turn;
        let path = if turn % 4 == 3 { "/v1/messages" } else { "/v1/chat/completions" };
        let stream = turn % 2 == 0;
        let body = format!(
            "{{\"model\":\"m\",\"max_tokens\":9,\"stream\":{stream},\"messages\":\
             [{{\"role\":\"user\",\"content\":\"{number}\"}}]}}"
        );
        let request = post(path, &[("traceparent", &trace(number))], body);
        assert_eq!(connection.ask(request).unwrap().status(), 200);
    }
}

/// The completed outcome of the only call, and the answer that it recorded.
fn outcome(gateway: &Gateway) -> Option<Vec<u8>> {
    let records = gateway.records();
    let found = records.events.iter().find_map(|envelope| match &envelope.event {
        Event::CallCompleted(fact) => Some((envelope.session, fact.answer?)),
        _ => None,
    });
    found.map(|(session, reference)| records.payload(session, &reference))
}

#[test]
fn when_the_agent_has_an_answer_its_outcome_and_payload_are_on_disk() {
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    let answer = ask(gateway.agents, chat("m", "hello", false)).unwrap();
    assert_eq!(outcome(&gateway).unwrap(), answer.body);
    assert_eq!(answer.body, completion("well").into_bytes());
}

#[test]
fn a_stream_flows_before_its_outcome_and_its_last_frame_comes_after() {
    let (go, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let upstream = Upstream::start(move |_, connection| {
        connection.begin_stream()?;
        connection.event(&chunk("first", None))?;
        // The rest is sent when the agent has seen the first.
        let _ = gate.lock().unwrap().recv();
        connection.event(&chunk("last", Some("stop")))?;
        connection.event("[DONE]")?;
        connection.end_stream()
    });
    let gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    let mut connection = Connection::open(gateway.agents).unwrap();
    connection.send(chat("m", "hello", true)).unwrap();
    assert_eq!(connection.head().unwrap().status, 200);
    let mut whole = connection.chunk().unwrap().unwrap();
    assert!(whole.windows(5).any(|window| window == b"first"));
    assert_eq!(outcome(&gateway), None, "the stream has not ended");
    go.send(()).unwrap();
    let mut at_end = None;
    while let Some(piece) = connection.chunk().unwrap() {
        whole.extend(piece);
        if whole.windows(6).any(|window| window == b"[DONE]") {
            at_end.get_or_insert_with(|| outcome(&gateway));
        }
    }
    assert_eq!(at_end.flatten().unwrap(), whole, "the outcome was on disk with the last frame");
}
