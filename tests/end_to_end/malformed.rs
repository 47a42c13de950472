//! Input that never becomes a call: refused in the shape of its dialect, on record, and nobody
//! else's business.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use tests::gateway::{Gateway, IDLE_KEY, Setup};
use tests::upstream::{Upstream, chunk, completion};
use tests::wire::{AGENT_KEY, Answer, Connection, ask, chat, post};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

/// A neighbour's stream that runs while others misbehave.
struct Stage {
    upstream: Upstream,
    gateway: Gateway,
    neighbour: Connection,
    go: Sender<()>,
}

impl Stage {
    fn set() -> Self {
        let (go, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let upstream = Upstream::start(move |request, connection| {
            if !String::from_utf8_lossy(&request.body).contains("neighbour") {
                return connection.reply(200, &completion("well"));
            }
            connection.begin_stream()?;
            connection.event(&chunk("first", None))?;
            gate.lock().unwrap().recv().unwrap_or_default();
            connection.event(&chunk("last", Some("stop")))?;
            connection.event("[DONE]")?;
            connection.end_stream()
        });
        let gateway = Setup::new()
            .provider("openai", &upstream.url(), "gpt-*")
            .provider("anthropic", &upstream.url(), "claude-*")
            .limit("body_bytes_max = \"1 MiB\"")
            .limit("header_timeout = \"300ms\"")
            .limit("body_timeout = \"300ms\"")
            .start();
        let mut neighbour = Connection::open(gateway.agents).unwrap();
        neighbour.send(chat("gpt-neighbour", "hello", true)).unwrap();
        neighbour.head().unwrap();
        neighbour.chunk().unwrap();
        Self { upstream, gateway, neighbour, go }
    }

    /// The neighbour's stream ends well, everything is complete, and these refusals alone are on
    /// record, with the code and status of each.
    fn check(mut self, expected: &[(&str, u16)]) {
        self.go.send(()).unwrap();
        let mut rest = Vec::new();
        while let Some(chunk) = self.neighbour.chunk().unwrap() {
            rest.extend(chunk);
        }
        assert!(String::from_utf8_lossy(&rest).contains("[DONE]"));
        self.gateway.recorded("all refusals", |records| records.refused().len() >= expected.len());
        let records = self.gateway.stop_and_check();
        records.assert_refused(expected);
        assert_eq!(self.upstream.seen().len(), 1, "only the neighbour's call went upstream");
    }
}

/// The code of a refusal that has the shape of its dialect, with an id and a message for people.
fn shaped(path: &str, answer: &Answer) -> (u16, String) {
    let body = answer.json();
    let text = |place: &str| {
        let found = body.pointer(place).and_then(serde_json::Value::as_str);
        found.unwrap_or_else(|| panic!("no `{place}` in {body}")).to_owned()
    };
    assert!(text("/error/message").len() > 10, "{body}");
    text("/error/type");
    assert!(answer.head.header("x-request-id").is_some_and(|id| !id.is_empty()), "{answer:?}");
    let code = match path {
        MESSAGES => {
            assert_eq!((text("/type").as_str(), text("/request_id").is_empty()), ("error", false));
            String::new()
        }
        _ => text("/error/code"),
    };
    (answer.status(), code)
}

#[test]
fn bodies_that_are_not_acceptable_json_are_refused_in_the_shape_of_each_dialect() {
    let stage = Stage::set();
    let deep =
        format!("{{\"model\":\"gpt-a\",\"messages\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let bodies: [(&str, &[u8]); 13] = [
        ("nothing", b""),
        ("half", b"{\"model\":\"gpt-a\","),
        ("duplicate keys", b"{\"model\":\"gpt-a\",\"model\":\"gpt-b\",\"messages\":[]}"),
        ("duplicate keys, escaped", b"{\"model\":\"gpt-a\",\"m\\u006fdel\":\"x\",\"messages\":[]}"),
        ("deep nesting", deep.as_bytes()),
        ("invalid UTF-8", b"{\"model\":\"gpt-a\",\"messages\":[],\"user\":\"\xff\xfe\"}"),
        ("a byte order mark", b"\xef\xbb\xbf{\"model\":\"gpt-a\",\"messages\":[]}"),
        ("two documents", b"{\"model\":\"gpt-a\",\"messages\":[]}{}"),
        ("a batch", b"[{\"model\":\"gpt-a\",\"messages\":[]}]"),
        ("a text", b"\"gpt-a\""),
        ("no number", b"{\"model\":\"gpt-a\",\"messages\":[],\"n\":NaN}"),
        ("half a surrogate", b"{\"model\":\"gpt-a\",\"messages\":[],\"user\":\"\\ud800\"}"),
        ("a model that is no text", b"{\"model\":7,\"messages\":[]}"),
    ];
    let mut expected = Vec::new();
    for (what, body) in bodies {
        for path in [CHAT, MESSAGES] {
            let answer = ask(stage.gateway.agents, post(path, &[], body)).unwrap();
            let (status, code) = shaped(path, &answer);
            assert_eq!(status, 400, "{what} at {path}: {:?}", answer.json());
            assert!(path == MESSAGES || code == "malformed_request", "{what}: {code}");
            expected.push(("malformed_request", 400));
        }
    }
    stage.check(&expected);
}

#[test]
fn requests_for_what_is_not_served_or_by_nobody_known_are_refused_and_say_why() {
    let stage = Stage::set();
    let body = r#"{"model":"gpt-a","messages":[]}"#;
    let unknown = r#"{"model":"no-such-model","max_tokens":1,"messages":[]}"#;
    let gzip = [("content-encoding", "gzip")];
    let stranger = [("authorization", "Bearer nobody-knows-this-key")];
    let basic = [("authorization", "Basic bm9ib2R5OmtleQ==")];
    let large = "x".repeat((1 << 20) + 1);
    let delete = format!(
        "DELETE {CHAT} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {AGENT_KEY}\r\n\r\n"
    );
    let anonymous = format!("GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n{}", "");
    let evil = [("origin", "https://evil.example")];
    let host = post(CHAT, &[], body);
    let host = String::from_utf8(host).unwrap().replace("localhost", "evil.example");
    let rows: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        (CHAT, post("/v1/nowhere", &[], body), 404, "not_found"),
        (CHAT, delete.into_bytes(), 405, "method_not_allowed"),
        (CHAT, post(CHAT, &[], unknown), 404, "model_not_found"),
        (MESSAGES, post(MESSAGES, &[], unknown), 404, "model_not_found"),
        (CHAT, post(CHAT, &gzip, body), 415, "unsupported_encoding"),
        (CHAT, post(CHAT, &stranger, body), 401, "invalid_api_key"),
        (CHAT, post(CHAT, &basic, body), 401, "invalid_api_key"),
        (MESSAGES, post(MESSAGES, &[("x-api-key", "nobody")], body), 401, "invalid_api_key"),
        (CHAT, anonymous.into_bytes(), 401, "invalid_api_key"),
        (CHAT, post(CHAT, &[], &large), 413, "body_too_large"),
        (MESSAGES, post(MESSAGES, &[], &large), 413, "body_too_large"),
        (CHAT, post(CHAT, &evil, body), 403, "forbidden_origin"),
        (CHAT, host.into_bytes(), 403, "forbidden_origin"),
    ];
    let mut expected = Vec::new();
    for (path, request, status, code) in rows {
        let mut connection = Connection::open(stage.gateway.agents).unwrap();
        // One that is too large may be answered, and closed, before it was sent whole.
        let sent = connection.send(&request);
        let answer = connection.answer().unwrap_or_else(|error| panic!("{code}: {error} {sent:?}"));
        let (found, told) = shaped(path, &answer);
        assert_eq!(found, status, "{code}: {:?}", answer.json());
        assert!(path == MESSAGES || told == code, "{code}: {told}");
        expected.push((code, status));
    }
    stage.check(&expected);
}

#[test]
fn an_agent_without_rights_is_denied_on_record_and_nothing_goes_upstream() {
    let stage = Stage::set();
    let key = format!("Bearer {IDLE_KEY}");
    let body = r#"{"model":"gpt-a","messages":[]}"#;
    let answer = ask(stage.gateway.agents, post(CHAT, &[("authorization", &key)], body)).unwrap();
    assert_eq!((answer.status(), &*answer.code()), (403, "policy_denied"));
    let records = stage.gateway.records();
    assert_eq!((records.count("call.denied"), records.count("call.dispatched")), (1, 1));
    stage.check(&[]);
}

/// A chat completion whose head is spelled as a test wants it.
fn spelled(lines: &str, body: &str) -> String {
    tests::wire::spelled(CHAT, lines, body)
}

#[test]
fn what_is_not_proper_http_is_refused_on_record_and_its_connection_is_closed() {
    let stage = Stage::set();
    let body = r#"{"model":"gpt-a","messages":[]}"#;
    let length = body.len();
    let right = format!("content-length: {length}");
    let huge = format!("{right}\r\nx-huge: {}", "h".repeat(300 << 10));
    let many = "x-again: 1\r\n".repeat(200);
    let rows: Vec<(&str, String, u16)> = vec![
        ("two lengths", spelled(&format!("{right}\r\ncontent-length: 3"), body), 400),
        ("a list of lengths", spelled(&format!("content-length: {length}, 3"), body), 400),
        ("a negative length", spelled("content-length: -1", body), 400),
        ("a length with a sign", spelled(&format!("content-length: +{length}"), body), 400),
        ("a folded header", spelled(&format!("{right}\r\nx-a: b\r\n c"), body), 400),
        ("a space before the colon", spelled(&format!("content-length : {length}"), body), 400),
        ("a bare carriage return", spelled(&format!("{right}\r\nx-a: b\rc: d"), body), 400),
        ("a zero byte", spelled(&format!("{right}\r\nx-a: b\0c"), body), 400),
        ("an unknown coding", spelled("transfer-encoding: smuggled", body), 400),
        ("chunks inside", spelled("transfer-encoding: chunked, gzip", body), 400),
        ("a huge header", spelled(&huge, body), 431),
        ("too many headers", spelled(&format!("{many}{right}"), body), 431),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 400),
        ("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\r\n\r\n".into(), 400),
        ("no request line", "hello\r\n\r\n".into(), 400),
    ];
    let mut expected = Vec::new();
    for (what, request, status) in rows {
        let mut connection = Connection::open(stage.gateway.agents).unwrap();
        // One that is too large may be answered before it was sent whole.
        let sent = connection.send(request);
        let answer = connection.rest();
        let text = String::from_utf8_lossy(&answer).into_owned();
        if what == "HTTP/2" {
            assert_eq!(text, "", "{what}");
        } else {
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {sent:?} {text}");
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("\r\nconnection: close"), "{what}: {head}");
            let length = format!("\r\ncontent-length: {}", body.len());
            assert!(head.ends_with(&length), "{what}: {head} {body}");
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body.pointer("/error/code").unwrap(), "malformed_request", "{what}: {body}");
        }
        expected.push(("malformed_request", status));
    }
    stage.check(&expected);
}

#[test]
fn what_is_no_http_behind_a_proper_request_is_told_so_and_the_answer_before_it_is_untouched() {
    let stage = Stage::set();
    let mut connection = Connection::open(stage.gateway.agents).unwrap();
    let lost = connection.ask(post("/v1/nowhere", &[], "")).unwrap();
    assert_eq!((lost.status(), &*lost.code()), (404, "not_found"));
    let garbage = connection.ask("hello\r\n\r\n").unwrap();
    assert_eq!((garbage.status(), &*garbage.code()), (400, "malformed_request"));
    assert_eq!(connection.rest(), b"");
    let mut connection = Connection::open(stage.gateway.agents).unwrap();
    connection.send([&post("/v1/nowhere", &[], "")[..], b"hello\r\n\r\n"].concat()).unwrap();
    let lost = connection.answer().unwrap();
    assert_eq!((lost.status(), &*lost.code()), (404, "not_found"));
    assert_eq!(connection.head().unwrap().status, 400);
    stage.check(&[("not_found", 404), ("malformed_request", 400)].repeat(2));
}

#[test]
fn slow_and_cut_requests_are_given_up_on_record() {
    let stage = Stage::set();
    let whole = String::from_utf8(chat("gpt-a", "hello", false)).unwrap();
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    let open = || Connection::open(stage.gateway.agents).unwrap();
    let mut slow_head = open();
    slow_head.send(&head[..40]).unwrap();
    let mut slow_body = open();
    slow_body.send(&whole[..whole.len() - 5]).unwrap();
    let mut cut_body = open();
    cut_body.send(&whole[..whole.len() - 5]).unwrap();
    cut_body.finish().unwrap();
    // The head is no longer than announced, but what follows is no request.
    let mut short = open();
    let length = format!("content-length: {}", body.len());
    short.send(whole.replace(&length, "content-length: 10")).unwrap();
    assert_eq!(slow_head.rest(), b"", "there is no request to answer");
    let answer = slow_body.answer().unwrap();
    assert_eq!(shaped(CHAT, &answer), (408, "body_too_slow".into()));
    let answer = short.answer().unwrap();
    assert_eq!(shaped(CHAT, &answer), (400, "malformed_request".into()));
    short.rest();
    let rest = [("body_too_slow", 0), ("body_too_slow", 408), ("body_too_slow", 408)];
    stage.check(&[&rest[..], &[("malformed_request", 400), ("malformed_request", 400)]].concat());
}

#[test]
fn a_request_with_both_a_length_and_chunks_is_what_its_chunks_say_and_the_last_of_its_connection() {
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let mut gateway = Setup::new().provider("openai", &upstream.url(), "gpt-*").start();
    let inner = r#"{"model":"gpt-a","messages":[]}"#;
    let hidden = String::from_utf8(chat("gpt-hidden", "hello", false)).unwrap();
    let chunks = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    for lines in [
        format!("content-length: {}\r\ntransfer-encoding: chunked", chunks.len() + hidden.len()),
        format!("transfer-encoding: chunked\r\ncontent-length: {}", chunks.len() + hidden.len()),
        "transfer-encoding: chunked\r\ncontent-length: 4".to_owned(),
    ] {
        let mut connection = Connection::open(gateway.agents).unwrap();
        connection.send(spelled(&lines, &format!("{chunks}{hidden}"))).unwrap();
        assert_eq!(connection.answer().unwrap().status(), 200);
        assert_eq!(connection.rest(), b"", "the connection is closed behind it");
    }
    gateway.stop_and_check();
    let seen: Vec<_> = upstream.seen().into_iter().map(|request| request.body).collect();
    assert_eq!(seen, [inner.as_bytes(); 3], "what is hidden behind it goes nowhere");
}
