//! When the ledger cannot record, calls get a bounded, explained error, and nothing goes upstream.

use std::time::Instant;

use events::{Event, LedgerGap};
use tests::disk::{SmallDisk, noise};
use tests::gateway::{Gateway, Setup};
use tests::patience::{PATIENCE, until};
use tests::records::Records;
use tests::upstream::{Upstream, chunk, completion};
use tests::wire::{Connection, ask, chat, look, post};

fn ready(gateway: &Gateway) -> u16 {
    look(gateway.people, "/readyz").unwrap().status()
}

/// A gateway whose ledger has no room for a call of some size, and what its agents ask.
fn full(disk: &SmallDisk, upstream: &Upstream) -> Gateway {
    full_with(disk, upstream, "reserve_bytes = \"1 MiB\"")
}

/// The gap that the ledger was told of.
fn gap(records: &Records) -> LedgerGap {
    let gaps = records.events.iter().filter_map(|envelope| match &envelope.event {
        Event::LedgerGap(gap) => Some(gap.clone()),
        _ => None,
    });
    let gaps: Vec<LedgerGap> = gaps.collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    gaps.into_iter().next().unwrap()
}

fn full_with(disk: &SmallDisk, upstream: &Upstream, ledger: &str) -> Gateway {
    let setup = Setup::new().ledger(ledger).provider("openai", &upstream.url(), "*").provider(
        "anthropic",
        &upstream.url(),
        "*",
    );
    let gateway = setup.data(&disk.data()).start();
    assert_eq!(ask(gateway.agents, chat("before", "hello", false)).unwrap().status(), 200);
    disk.fill();
    gateway
}

#[test]
fn on_a_full_disk_calls_are_refused_in_time_and_accepted_again_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let mut gateway = full(&disk, &upstream);
    let large = noise(3 << 20);
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let model = format!("large{}", path.len());
        let body = format!(
            "{{\"model\":\"{model}\",\"messages\":[{{\"role\":\"user\",\"content\":\"{large}\"}}]}}"
        );
        let began = Instant::now();
        let answer = ask(gateway.agents, post(path, &[], &body)).unwrap();
        assert!(began.elapsed() < PATIENCE, "it took {:?}", began.elapsed());
        assert_eq!(answer.status(), 503, "{answer:?}");
        let body = answer.json();
        assert!(body.pointer("/error/message").is_some(), "{body}");
        if path.contains("chat") {
            assert_eq!(answer.code(), "ledger_unavailable");
        }
        assert_eq!(answer.head.header("retry-after"), Some("1"));
        assert_eq!(ready(&gateway), 503);
    }
    assert_eq!(upstream.seen().len(), 1, "nothing went upstream unrecorded");
    disk.free();
    let body = format!(
        "{{\"model\":\"after\",\"messages\":[{{\"role\":\"user\",\"content\":\"{large}\"}}]}}"
    );
    assert_eq!(ask(gateway.agents, post("/v1/messages", &[], body)).unwrap().status(), 200);
    assert_eq!(ready(&gateway), 200);
    let records = gateway.stop_and_check();
    assert!(matches!(records.outcome_of("after"), Some(Event::CallCompleted(_))));
    let gap = gap(&records);
    assert!(gap.refused == 2 && gap.cause.contains("space") && gap.from < gap.to, "{gap:?}");
}

#[test]
fn a_gateway_that_is_stopped_on_a_full_disk_records_how_many_it_turned_away() {
    let Some(disk) = SmallDisk::mount() else { return };
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let mut gateway = full(&disk, &upstream);
    let large = noise(3 << 20);
    for _ in 0..3 {
        assert_eq!(ask(gateway.agents, chat("large", &large, false)).unwrap().status(), 503);
    }
    assert_eq!(gap(&gateway.stop_and_check()).refused, 3);
}

#[test]
fn a_made_call_s_outcome_has_its_place_on_a_full_disk_and_new_calls_have_none() {
    let Some(disk) = SmallDisk::mount() else { return };
    let large = completion(&noise(3 << 20));
    let answer = large.clone();
    let upstream = Upstream::start(move |_, connection| connection.reply(200, &answer));
    let mut gateway = full_with(&disk, &upstream, "reserve_bytes = \"4 MiB\"");
    let released = ask(gateway.agents, chat("made", "hello", false)).unwrap();
    assert_eq!(released.status(), 200);
    assert!(released.body == large.as_bytes(), "the answer was withheld");
    let refused = ask(gateway.agents, chat("new", "hello", false)).unwrap();
    assert_eq!((refused.status(), &*refused.code()), (503, "ledger_unavailable"));
    assert_eq!(ready(&gateway), 503);
    let metrics = look(gateway.people, "/metrics").unwrap();
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    assert!(metrics.contains("\ncountersign_ledger_on_reserve 1\n"), "{metrics}");
    assert!(metrics.contains("\ncountersign_ledger_disk_bytes_free "), "{metrics}");
    disk.free();
    until("new calls", || {
        let answer = ask(gateway.agents, chat("after", "hello", false)).unwrap();
        (answer.status() == 200).then_some(())
    });
    until("readiness", || (ready(&gateway) == 200).then_some(()));
    let records = gateway.stop_and_check();
    assert!(matches!(records.outcome_of("made"), Some(Event::CallCompleted(_))));
    assert!(records.outcome_of("new").is_none());
    assert!(gap(&records).refused > 0);
}

#[test]
fn a_gateway_out_of_rotation_is_ready_again_when_there_is_room_before_any_call() {
    let Some(disk) = SmallDisk::mount() else { return };
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let mut gateway = full(&disk, &upstream);
    let large = noise(3 << 20);
    assert_eq!(ask(gateway.agents, chat("large", &large, false)).unwrap().status(), 503);
    assert_eq!(ready(&gateway), 503);
    disk.free();
    assert_eq!(ready(&gateway), 200);
    assert_eq!(ask(gateway.agents, chat("after", &large, false)).unwrap().status(), 200);
    disk.fill();
    assert_eq!(ask(gateway.agents, chat("again", &large, false)).unwrap().status(), 503);
    assert_eq!(ready(&gateway), 503);
    disk.free();
    gateway.stop_and_check();
}

#[test]
fn an_answer_whose_outcome_has_no_room_is_withheld_and_in_doubt_after_the_next_start() {
    let Some(disk) = SmallDisk::mount() else { return };
    let large = noise(3 << 20);
    let upstream = Upstream::start(move |request, connection| {
        let body = String::from_utf8_lossy(&request.body);
        if body.contains("\"before\"") {
            return connection.reply(200, &completion("well"));
        }
        if body.contains("\"whole\"") {
            return connection.reply(200, &completion(&large));
        }
        connection.begin_stream()?;
        connection.event(&chunk(&large, None))?;
        connection.event(&chunk("last", Some("stop")))?;
        connection.event("[DONE]")?;
        connection.end_stream()
    });
    let mut gateway = full(&disk, &upstream);
    let answer = ask(gateway.agents, chat("whole", "hello", false)).unwrap();
    assert_eq!((answer.status(), &*answer.code()), (503, "outcome_unrecorded"));
    assert_eq!(answer.head.header("x-should-retry"), Some("false"));
    let mut stream = Connection::open(gateway.agents).unwrap();
    stream.send(chat("stream", "hello", true)).unwrap();
    assert_eq!(stream.head().unwrap().status, 200);
    let rest = String::from_utf8_lossy(&stream.rest()).into_owned();
    assert!(rest.contains("outcome_unrecorded"), "{}", rest.len());
    assert!(!rest.contains("[DONE]") && !rest.ends_with("0\r\n\r\n"), "its end was released");
    disk.free();
    gateway.stop();
    let mut gateway = gateway.again();
    let records = gateway.stop_and_check();
    for model in ["whole", "stream"] {
        assert!(matches!(records.outcome_of(model), Some(Event::CallInDoubt(_))), "{model}");
    }
}
