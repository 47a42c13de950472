//! A gateway that is asked to stop lets calls finish, and what does not finish is in doubt.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use events::Event;
use rustix::process::Signal;
use tests::gateway::Setup;
use tests::patience::until;
use tests::upstream::{Upstream, chunk};
use tests::wire::{Connection, ask, chat, look};

#[test]
fn a_stream_under_way_is_finished_before_the_program_ends() {
    let (go, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let upstream = Upstream::start(move |_, connection| {
        connection.begin_stream()?;
        connection.event(&chunk("first", None))?;
        gate.lock().unwrap().recv().unwrap_or_default();
        connection.event(&chunk("last", Some("stop")))?;
        connection.event("[DONE]")?;
        connection.end_stream()
    });
    let mut gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    let agents = gateway.agents;
    let mut idle = Connection::open(agents).unwrap();
    let mut stream = Connection::open(agents).unwrap();
    stream.send(chat("m", "hello", true)).unwrap();
    stream.head().unwrap();
    stream.chunk().unwrap();
    gateway.signal(Signal::TERM);
    assert!(gateway.hears("letting calls finish").is_some());
    assert_eq!(idle.rest(), b"", "idle connections are let go");
    until("the listener to close", || Connection::open(agents).is_err().then_some(()));
    go.send(()).unwrap();
    let mut rest = Vec::new();
    while let Some(chunk) = stream.chunk().unwrap() {
        rest.extend(chunk);
    }
    assert!(String::from_utf8_lossy(&rest).contains("[DONE]"));
    assert!(gateway.ended().success());
    let records = gateway.records();
    records.assert_complete();
    let Some(Event::GatewayStopped(stopped)) = records.events.last().map(|last| &last.event) else {
        panic!("the last event is not the stop");
    };
    assert_eq!((stopped.cancelled, &*stopped.reason), (0, "SIGTERM"));
}

#[test]
fn a_call_that_does_not_end_in_time_is_in_doubt_after_the_next_start() {
    let upstream = Upstream::start(|_, connection| {
        connection.rest();
        Ok(())
    });
    let setup = Setup::new().provider("openai", &upstream.url(), "*");
    let mut gateway = setup.limit("drain_timeout = \"200ms\"").start();
    let mut hanging = Connection::open(gateway.agents).unwrap();
    hanging.send(chat("m", "hello", false)).unwrap();
    until("the call upstream", || (upstream.seen().len() == 1).then_some(()));
    gateway.signal(Signal::INT);
    assert!(gateway.hears("in doubt").is_some());
    assert!(gateway.ended().success());
    let mut gateway = gateway.again();
    let said = gateway.said().join("\n");
    assert!(said.contains("1 calls of the last run are in doubt"), "{said}");
    let records = gateway.stop_and_check();
    assert!(matches!(records.outcome_of("m"), Some(Event::CallInDoubt(_))));
}

#[test]
fn a_gateway_that_was_stopped_in_order_starts_again_with_nothing_in_doubt() {
    let mut gateway = Setup::new().provider("openai", "http://127.0.0.1:9/v1", "*").start();
    assert_eq!(look(gateway.people, "/healthz").unwrap().status(), 200);
    assert_eq!(look(gateway.people, "/readyz").unwrap().status(), 200);
    assert_eq!(ask(gateway.agents, chat("m", "hello", false)).unwrap().status(), 502);
    let before = gateway.stop_and_check().events.len();
    let mut gateway = gateway.again();
    assert!(!gateway.said().join("\n").contains("in doubt"));
    let records = gateway.stop_and_check();
    assert_eq!(records.count("call.in_doubt"), 0);
    assert_eq!(records.events.len(), before + 2, "a start and a stop were added");
}

#[test]
fn who_looks_at_the_gateway_and_goes_on_looking_does_not_keep_it_from_ending() {
    let mut gateway = Setup::new().provider("openai", "http://127.0.0.1:9/v1", "*").start();
    let mut half_asked = Connection::open(gateway.people).unwrap();
    half_asked.send("GET /healthz HTTP/1.1\r\nHost: local").unwrap();
    // The second is answered behind the first, so that the first has been read.
    assert_eq!(look(gateway.people, "/healthz").unwrap().status(), 200);
    gateway.signal(Signal::TERM);
    assert!(gateway.ended().success());
    gateway.records().assert_complete();
}
