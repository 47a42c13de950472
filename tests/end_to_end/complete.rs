//! Every dispatched call has exactly one outcome, whatever its upstream does.

use std::net::SocketAddr;
use std::time::Duration;

use events::{Event, FailureReason};
use tests::gateway::Setup;
use tests::records::Records;
use tests::standins::Standins;
use tests::upstream::{Upstream, chunk, completion};
use tests::wire::{Answer, Connection, ask, chat};

/// Asks and reads to the end, proper or not.
fn whole(address: SocketAddr, model: &str, stream: bool) -> (u16, Vec<u8>, bool) {
    let mut connection = Connection::open(address).unwrap();
    connection.send(chat(model, "hello", stream)).unwrap();
    let (answer, ended) = connection.whatever().unwrap();
    (answer.status(), answer.body, ended)
}

/// Asks one call that streams and one that does not, and gives back the reason on record for each.
fn reasons(records: &Records, model: &str) -> Vec<Option<FailureReason>> {
    let asked = records.dispatched();
    let calls = asked.iter().filter(|(_, fact)| fact.model.as_deref() == Some(model));
    let outcomes = calls.map(|(call, fact)| (fact.stream, records.outcomes(*call)));
    let mut reasons: Vec<_> = outcomes
        .map(|(stream, outcomes)| match outcomes.as_slice() {
            [Event::CallFailed(failed)] => (stream, Some(failed.reason)),
            [Event::CallCompleted(_)] => (stream, None),
            other => panic!("{model}: {other:?}"),
        })
        .collect();
    reasons.sort_by_key(|(stream, _)| *stream);
    reasons.into_iter().map(|(_, reason)| reason).collect()
}

#[test]
fn each_fault_of_a_provider_is_told_to_the_agent_and_recorded_once_with_its_reason() {
    use FailureReason::{AnswerTooLarge, Broken, TimedOut, Truncated};
    let standins = Standins::start(Duration::ZERO);
    let setup = Setup::new()
        .provider("openai", &standins.provider_url(), "*")
        .limit("upstream_idle_timeout = \"1s\"")
        .limit("answer_bytes_max = \"4 MiB\"");
    let mut gateway = setup.start();
    let faults = [
        ("fault-hang", 504, "upstream_timed_out"),
        ("fault-reset", 502, "upstream_broken"),
        ("fault-huge", 502, "answer_too_large"),
        ("fault-drop", 502, "upstream_broken"),
    ];
    let agents = gateway.agents;
    std::thread::scope(|scope| {
        for (model, status, code) in faults {
            scope.spawn(move || {
                let answer = ask(agents, chat(model, "hello", false)).unwrap();
                assert_eq!((answer.status(), &*answer.code()), (status, code), "{model}");
                let retry = answer.head.header("x-should-retry");
                assert_eq!(retry, Some("false"), "{model}: the model may have been asked");
                let (status, body, ended) = whole(agents, model, true);
                let body = String::from_utf8_lossy(&body).into_owned();
                assert!(body.contains(code), "{model}: {status} {body}");
                assert!(!body.contains("[DONE]"), "{model}: {body}");
                assert!(status != 200 || !ended, "{model}: a broken stream was ended properly");
            });
        }
        scope.spawn(move || {
            for number in 0..20 {
                let answer = ask(agents, chat("gpt-4o", "hello", number % 2 == 0)).unwrap();
                assert_eq!(answer.status(), 200, "a neighbour's call");
            }
        });
    });
    let (_, _, ended) = whole(agents, "fault-garbage", true);
    assert!(!ended, "a garbled stream was ended properly");
    let records = gateway.stop_and_check();
    for (model, whole, stream) in [
        ("fault-hang", TimedOut, TimedOut),
        ("fault-reset", Broken, Broken),
        ("fault-huge", AnswerTooLarge, AnswerTooLarge),
        ("fault-drop", Broken, Broken),
    ] {
        assert_eq!(reasons(&records, model), [Some(whole), Some(stream)], "{model}");
    }
    assert_eq!(reasons(&records, "fault-garbage"), [Some(Truncated)]);
    assert_eq!(reasons(&records, "gpt-4o"), [None; 20]);
}

#[test]
fn an_answer_that_is_no_json_is_passed_on_as_it_is_and_recorded_as_unsuccessful() {
    let standins = Standins::start(Duration::ZERO);
    let mut gateway = Setup::new().provider("openai", &standins.provider_url(), "*").start();
    let answer = ask(gateway.agents, chat("fault-garbage", "hello", false)).unwrap();
    assert!(answer.body.starts_with(b"\xff\xfe"), "{answer:?}");
    let records = gateway.stop_and_check();
    let outcome = records.outcome_of("fault-garbage");
    assert!(
        matches!(outcome, Some(Event::CallCompleted(done)) if done.unsuccessful),
        "{outcome:?}"
    );
}

#[test]
fn a_provider_that_is_busy_or_away_is_reported_as_such() {
    let standins = Standins::start(Duration::ZERO);
    let setup = Setup::new().provider("openai", &standins.provider_url(), "fault-*").provider(
        "openai",
        "http://127.0.0.1:9/v1",
        "away",
    );
    let mut gateway = setup.start();
    let busy = ask(gateway.agents, chat("fault-busy", "hello", false)).unwrap();
    assert_eq!((busy.status(), busy.head.header("retry-after")), (429, Some("1")));
    let away = ask(gateway.agents, chat("away", "hello", false)).unwrap();
    assert_eq!((away.status(), &*away.code()), (502, "upstream_unreachable"));
    assert_eq!(away.head.header("x-should-retry"), None, "nothing was sent, so it may be repeated");
    let records = gateway.stop_and_check();
    let outcome = records.outcome_of("fault-busy");
    let told = matches!(outcome, Some(Event::CallCompleted(done))
        if done.unsuccessful && done.status == 429);
    assert!(told, "{outcome:?}");
    let outcome = records.outcome_of("away");
    let told = matches!(outcome, Some(Event::CallFailed(failed))
        if failed.reason == FailureReason::Unreachable && !failed.may_have_acted);
    assert!(told, "{outcome:?}");
}

#[test]
fn a_stream_that_ends_without_its_last_frame_is_not_passed_off_as_whole() {
    let upstream = Upstream::start(|_, connection| {
        connection.begin_stream()?;
        connection.event(&chunk("half", None))?;
        connection.end_stream()
    });
    let mut gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    let (_, body, ended) = whole(gateway.agents, "m", true);
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(body.contains("half") && body.contains("upstream_broken"), "{body}");
    assert!(!ended && !body.contains("[DONE]"), "{body}");
    let records = gateway.stop_and_check();
    assert_eq!(reasons(&records, "m"), [Some(FailureReason::Truncated)]);
}

/// The answers of an upstream that says something other than HTTP, or less than it announced.
#[test]
fn nasty_answers_end_in_one_failure_each_and_hurt_no_later_call() {
    let nasty: [(&str, &[u8]); 6] = [
        ("no-http", b"SSH-2.0-OpenSSH_9.6\r\n"),
        ("short", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"choices\":"),
        ("two-lengths", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 4\r\n\r\n{}{}"),
        (
            "bad-chunk",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        ),
        ("nothing", b""),
        ("half-head", b"HTTP/1.1 200 OK\r\ncontent-le"),
    ];
    let upstream = Upstream::start(move |request, connection| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        match nasty.iter().find(|(model, _)| body.contains(&format!("\"{model}\""))) {
            None => connection.reply(200, &completion("well")),
            Some((_, bytes)) => {
                connection.send(bytes)?;
                Err(std::io::ErrorKind::ConnectionAborted.into())
            }
        }
    });
    let mut gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    for (model, _) in nasty {
        let answer: Answer = ask(gateway.agents, chat(model, "hello", false)).unwrap();
        assert_eq!((answer.status(), &*answer.code()), (502, "upstream_broken"), "{model}");
        assert_eq!(ask(gateway.agents, chat("well", "hello", false)).unwrap().status(), 200);
    }
    let records = gateway.stop_and_check();
    for (model, _) in nasty {
        assert_eq!(reasons(&records, model), [Some(FailureReason::Broken)], "{model}");
    }
    assert_eq!(upstream.seen().len(), 12, "no request was sent twice");
}
