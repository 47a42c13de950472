//! Agents that leave: each call still has its one outcome, and nobody works for nobody.

use std::io;
use std::sync::mpsc::{Receiver, channel};

use events::Event;
use tests::gateway::{Gateway, Setup};
use tests::patience::PATIENCE;
use tests::upstream::{Upstream, chunk, completion};
use tests::wire::{Connection, ask, chat, post};

/// The outcome on record says that the agent gave up.
fn assert_cancelled(gateway: &mut Gateway, model: &str) {
    let cancelled = |event: Option<&Event>| {
        matches!(event, Some(Event::CallCancelled(fact))
            if &*fact.by == "agent" && fact.may_have_acted)
    };
    gateway.recorded("a cancelled call", |records| cancelled(records.outcome_of(model)));
    gateway.stop_and_check();
}

/// An upstream that tells when a request came, and when the gateway's connection to it closed.
fn watched(begin: bool) -> (Upstream, Receiver<&'static str>) {
    let (tell, told) = channel();
    let tell = std::sync::Mutex::new(tell);
    let upstream = Upstream::start(move |_, connection| {
        let say = |what| tell.lock().unwrap().send(what).unwrap_or_default();
        if begin {
            connection.begin_stream()?;
            connection.event(&chunk("first", None))?;
        }
        say("came");
        connection.rest();
        say("closed");
        Err(io::ErrorKind::ConnectionAborted.into())
    });
    (upstream, told)
}

#[test]
fn an_agent_that_leaves_before_the_answer_cancels_its_call_and_frees_the_upstream() {
    let (upstream, told) = watched(false);
    let mut gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    let mut connection = Connection::open(gateway.agents).unwrap();
    connection.send(chat("m", "hello", false)).unwrap();
    assert_eq!(told.recv_timeout(PATIENCE), Ok("came"));
    drop(connection);
    assert_eq!(told.recv_timeout(PATIENCE), Ok("closed"));
    assert_cancelled(&mut gateway, "m");
}

#[test]
fn an_agent_that_leaves_a_stream_cancels_its_call_and_what_had_come_is_on_record() {
    let (upstream, told) = watched(true);
    let mut gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    let mut connection = Connection::open(gateway.agents).unwrap();
    connection.send(chat("m", "hello", true)).unwrap();
    connection.head().unwrap();
    connection.chunk().unwrap();
    drop(connection);
    assert_eq!(told.recv_timeout(PATIENCE), Ok("came"));
    assert_eq!(told.recv_timeout(PATIENCE), Ok("closed"));
    let records = gateway.recorded("an outcome", |records| records.outcome_of("m").is_some());
    let (session, reference) = records
        .events
        .iter()
        .find_map(|envelope| match &envelope.event {
            Event::CallCancelled(fact) => Some((envelope.session, fact.answer.unwrap())),
            _ => None,
        })
        .unwrap();
    let partial = records.payload(session, &reference);
    assert!(String::from_utf8_lossy(&partial).contains("first"));
    assert_cancelled(&mut gateway, "m");
}

#[test]
fn an_agent_that_leaves_while_it_sends_is_on_record_as_refused_and_nothing_goes_upstream() {
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let mut gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    let mut connection = Connection::open(gateway.agents).unwrap();
    let request = chat("m", "hello", false);
    connection.send(request.get(..request.len() - 10).unwrap()).unwrap();
    drop(connection);
    let records = gateway.recorded("a refusal", |records| records.refused().len() == 1);
    let refused = records.refused()[0].clone();
    assert!(refused.bytes > 0, "{refused:?}");
    gateway.stop_and_check();
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn connections_that_come_and_go_without_a_word_leave_no_trace() {
    let setup = Setup::new().provider("openai", "http://127.0.0.1:9/v1", "*");
    let setup = setup.limit("header_timeout = \"200ms\"").limit("idle_timeout = \"200ms\"");
    let mut gateway = setup.start();
    drop(Connection::open(gateway.agents).unwrap());
    let mut silent = Connection::open(gateway.agents).unwrap();
    assert_eq!(silent.rest(), b"", "a silent connection is closed without a word");
    let mut idle = Connection::open(gateway.agents).unwrap();
    idle.ask(post("/nowhere", &[], "")).unwrap();
    assert_eq!(idle.rest(), b"", "an idle connection is closed without a word");
    let records = gateway.stop_and_check();
    assert_eq!(records.refused().len(), 1, "{:?}", records.refused());
}

#[test]
fn an_idle_connection_outlives_the_time_for_headers_and_is_used_again() {
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let setup = Setup::new().provider("openai", &upstream.url(), "*");
    let mut gateway = setup.limit("header_timeout = \"200ms\"").start();
    let mut pooled = Connection::open(gateway.agents).unwrap();
    for _ in 0..2 {
        assert_eq!(pooled.ask(chat("gpt-4o", "hello", false)).unwrap().status(), 200);
        // One that came later is closed in the meantime, because nothing was ever asked on it.
        assert_eq!(Connection::open(gateway.agents).unwrap().rest(), b"");
    }
    let both = [post("/nowhere", &[], ""), post("/nowhere", &[], "")].concat();
    pooled.send(both).unwrap();
    assert_eq!([pooled.answer().unwrap().status(), pooled.answer().unwrap().status()], [404; 2]);
    pooled.send("POST /nowhere HTTP/1.1\r\nhost: local").unwrap();
    assert_eq!(pooled.rest(), b"", "half of a head is given up in time on this one as well");
    gateway.recorded("all refusals", |records| records.refused().len() == 3);
    let records = gateway.stop_and_check();
    let slow = records.refused().iter().filter(|fact| &*fact.code == "body_too_slow").count();
    assert_eq!(slow, 1, "{:?}", records.refused());
}

#[test]
fn whoever_gets_nothing_but_errors_holds_no_place_for_long() {
    let setup = Setup::new().provider("openai", "http://127.0.0.1:9/v1", "*");
    let mut gateway = setup.limit("header_timeout = \"200ms\"").start();
    let mut stranger = Connection::open(gateway.agents).unwrap();
    assert_eq!(stranger.ask(post("/nowhere", &[], "")).unwrap().status(), 404);
    assert_eq!(stranger.rest(), b"", "closed without a word");
    gateway.stop_and_check();
}

#[test]
fn an_agent_that_reads_slowly_gets_all_of_its_stream() {
    let upstream = Upstream::start(|_, connection| {
        connection.begin_stream()?;
        let text = "x".repeat(1 << 16);
        for _ in 0..64 {
            connection.event(&chunk(&text, None))?;
        }
        connection.event(&chunk("end", Some("stop")))?;
        connection.event("[DONE]")?;
        connection.end_stream()
    });
    let mut gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    let mut slow = Connection::open(gateway.agents).unwrap();
    slow.send(chat("slow", "hello", true)).unwrap();
    slow.head().unwrap();
    // Others are served while the slow one does not read at all.
    for _ in 0..3 {
        assert_eq!(ask(gateway.agents, chat("fast", "hello", true)).unwrap().status(), 200);
    }
    let mut length = 0;
    while let Some(chunk) = slow.chunk().unwrap() {
        length += chunk.len();
    }
    assert!(length > 64 << 16);
    gateway.stop_and_check();
}
