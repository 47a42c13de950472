//! Input that never becomes a call: refused in the words of the protocol, on record, and nobody
//! else's business.

use serde_json::{Value, json};
use tests::gateway::OTHER_KEY;
use tests::mcp::{MODERN, call, modern_call, modern_headers, plain, send, sent};
use tests::wire::{AGENT_KEY, Connection, post};

use crate::neighbour::{Neighbourhood, PATHS, told};

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;
const HEADER_MISMATCH: i64 = -32020;
const UNSUPPORTED_VERSION: i64 = -32022;

const MALFORMED: (&str, u16) = ("malformed_request", 400);

#[test]
fn what_is_no_json_that_all_read_alike_is_refused_as_a_parse_error() {
    let stage = Neighbourhood::start();
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}{}}}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let bodies: [&[u8]; 12] = [
        b"",
        b"hello",
        br#"{"jsonrpc":"2.0","id":1,"method":"#,
        br#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call"}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":{"b":1,"b":2}}}"#,
        deep.as_bytes(),
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\xff\xfe\"}",
        b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}",
        br#"{"jsonrpc":"2.0","id":1,"method":"ping"}{}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"n":NaN}}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"n":"\ud800"}}"#,
    ];
    let mut expected = Vec::new();
    for body in bodies {
        for path in PATHS {
            let answer = send(stage.gateway.agents, path, &[], body);
            let found = (answer.status(), told(&answer, "null"));
            let body = String::from_utf8_lossy(body);
            assert_eq!(found, (400, (PARSE_ERROR, MALFORMED.0.into())), "{path} {body}");
            expected.push(MALFORMED);
        }
    }
    stage.check(&expected);
}

#[test]
fn what_is_no_message_of_the_protocol_is_refused_with_the_code_for_that() {
    let stage = Neighbourhood::start();
    let message = |id: &str, rest: &str| format!(r#"{{"jsonrpc":"2.0","id":{id},{rest}}}"#);
    let ping = r#""method":"ping""#;
    let called = |params: &str| format!(r#""method":"tools/call","params":{params}"#);
    let rows = [
        (format!("[{}]", message("1", ping)), INVALID_REQUEST, "null"),
        ("[]".into(), INVALID_REQUEST, "null"),
        (r#""ping""#.into(), INVALID_REQUEST, "null"),
        (r#"{"id":1,"method":"ping"}"#.into(), INVALID_REQUEST, "null"),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#.into(), INVALID_REQUEST, "null"),
        (message("null", ping), INVALID_REQUEST, "null"),
        (message("1.5", ping), INVALID_REQUEST, "null"),
        (message("1e3", ping), INVALID_REQUEST, "null"),
        (message("true", ping), INVALID_REQUEST, "null"),
        (message("{}", ping), INVALID_REQUEST, "null"),
        (message("[1]", ping), INVALID_REQUEST, "null"),
        (message("1", r#""method":7"#), INVALID_REQUEST, "null"),
        (message("1", r#""method":"""#), INVALID_REQUEST, "null"),
        (message("1", r#""method":"ping","result":{}"#), INVALID_REQUEST, "null"),
        (message("1", r#""result":{},"error":{}"#), INVALID_REQUEST, "null"),
        (message("1", r#""params":{}"#), INVALID_REQUEST, "null"),
        (message("1", r#""method":"ping","params":[]"#), INVALID_PARAMS, "1"),
        (message("\"a\"", r#""method":"ping","params":"x""#), INVALID_PARAMS, "\"a\""),
        (message("1", r#""method":"tools/call""#), INVALID_PARAMS, "1"),
        (message("1", &called("{}")), INVALID_PARAMS, "1"),
        (message("1", &called(r#"{"name":["echo"]}"#)), INVALID_PARAMS, "1"),
        (message("1", &called(r#"{"name":"echo","arguments":[]}"#)), INVALID_PARAMS, "1"),
        (message("1", &called(r#"{"name":"echo","arguments":null}"#)), INVALID_PARAMS, "1"),
        (message("1", &called(r#"{"name":"echo","_meta":7}"#)), INVALID_PARAMS, "1"),
    ];
    let mut expected = Vec::new();
    for (body, code, id) in rows {
        for path in PATHS {
            let answer = send(stage.gateway.agents, path, &[], &body);
            let found = (answer.status(), told(&answer, id));
            assert_eq!(found, (400, (code, MALFORMED.0.into())), "{path} {body}");
            expected.push(MALFORMED);
        }
    }
    stage.check(&expected);
}

#[test]
fn a_modern_call_whose_headers_and_body_disagree_is_refused() {
    let stage = Neighbourhood::start();
    let body = modern_call(1, "echo", &json!({}));
    let right = modern_headers("echo");
    let other = |place: usize, value| {
        let mut headers = right.to_vec();
        headers[place].1 = value;
        headers
    };
    let without = |place: usize| {
        let mut headers = right.to_vec();
        headers.remove(place);
        headers
    };
    let twice = |place: usize| [&right[..], &right[place..=place]].concat();
    let rows = [
        without(0),
        without(1),
        without(2),
        twice(0),
        twice(1),
        twice(2),
        other(0, "2025-11-25"),
        other(0, "2099-01-01"),
        other(1, "tools/list"),
        other(2, "wait"),
        other(2, "Echo"),
        other(2, "=?base64?d2FpdA==?="),
        other(2, "=?base64?ZWNobw?="),
        other(2, "=?base64?/w==?="),
    ];
    let mut expected = Vec::new();
    for headers in rows {
        for path in PATHS {
            let answer = send(stage.gateway.agents, path, &headers, &body);
            let found = (answer.status(), told(&answer, "1"));
            assert_eq!(found, (400, (HEADER_MISMATCH, MALFORMED.0.into())), "{path} {headers:?}");
            expected.push(MALFORMED);
        }
    }
    stage.check(&expected);
}

#[test]
fn a_modern_call_to_all_servers_needs_a_version_and_capabilities_that_can_be_served() {
    let stage = Neighbourhood::start();
    let body = modern_call(1, "echo", &json!({}));
    let mut unable: Value = serde_json::from_str(&body).unwrap();
    let meta = unable["params"]["_meta"].as_object_mut().unwrap();
    meta.remove("io.modelcontextprotocol/clientCapabilities").unwrap();
    let later = body.replace(MODERN, "2099-01-01");
    let rows = [
        (MODERN, call(1, "echo", &json!({})), INVALID_PARAMS),
        (MODERN, unable.to_string(), INVALID_PARAMS),
        ("2099-01-01", later, UNSUPPORTED_VERSION),
    ];
    let mut expected = Vec::new();
    for (version, body, code) in rows {
        let headers =
            [("mcp-protocol-version", version), ("mcp-method", "tools/call"), ("mcp-name", "echo")];
        let answer = send(stage.gateway.agents, "/mcp", &headers, &body);
        let found = (answer.status(), told(&answer, "1"));
        assert_eq!(found, (400, (code, MALFORMED.0.into())), "{body}");
        if code == UNSUPPORTED_VERSION {
            assert_eq!(answer.json()["error"]["data"]["supported"], json!([MODERN]));
        }
        expected.push(MALFORMED);
    }
    stage.check(&expected);
}

#[test]
fn what_no_tool_server_offers_is_refused_where_all_are_one() {
    let mut stage = Neighbourhood::start();
    let session = stage.session("/mcp");
    let headers = [("mcp-session-id", session.as_str())];
    let rows = [
        ("tools/run", "{}", METHOD_NOT_FOUND),
        ("TOOLS/CALL", "{}", METHOD_NOT_FOUND),
        ("tools/call", r#"{"name":"no_such_tool"}"#, INVALID_PARAMS),
        ("tools/call", r#"{"name":"tools__echo"}"#, INVALID_PARAMS),
        ("prompts/get", r#"{"name":"no_such_prompt"}"#, INVALID_PARAMS),
        ("resources/read", r#"{"uri":"nobody+file:///a"}"#, INVALID_PARAMS),
    ];
    let mut expected = Vec::new();
    for (method, params, code) in rows {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let answer = send(stage.gateway.agents, "/mcp", &headers, &body);
        let found = (answer.status(), told(&answer, "1"));
        assert_eq!(found, (200, (code, "not_found".into())), "{body}");
        expected.push(("not_found", 200));
    }
    let unknown = modern_call(1, "echo", &json!({})).replace("tools/call", "tools/run");
    let said = [("mcp-protocol-version", MODERN), ("mcp-method", "tools/run")];
    let answer = send(stage.gateway.agents, "/mcp", &said, unknown);
    let found = (answer.status(), told(&answer, "1"));
    assert_eq!(found, (404, (METHOD_NOT_FOUND, "not_found".into())));
    expected.push(("not_found", 404));
    stage.check(&expected);
}

#[test]
fn requests_by_nobody_known_or_in_no_session_or_too_large_are_refused_and_say_why() {
    let mut stage = Neighbourhood::start();
    let body = plain(1, "ping");
    let opened: Vec<String> = PATHS.iter().map(|path| stage.session(path)).collect();
    let large = format!("{body}{}", " ".repeat(1 << 20));
    let other = format!("Bearer {OTHER_KEY}");
    let mut expected = Vec::new();
    for (path, session) in PATHS.into_iter().zip(&opened) {
        let bare = |method: &str, more: &str| {
            let key = format!("authorization: Bearer {AGENT_KEY}");
            format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n{key}\r\n{more}\r\n")
        };
        let own = ("mcp-session-id", session.as_str());
        let stranger = [("authorization", "Bearer nobody-knows-this-key-at-all")];
        let stolen = [("authorization", other.as_str()), own];
        let host = String::from_utf8(post(path, &[], &body)).unwrap();
        let host = host.replace("localhost", "evil.example");
        let with_body = bare("GET", &format!("content-length: {}\r\n", body.len())) + &body;
        let evil = [("origin", "https://evil.example")];
        let gzip = [("content-encoding", "gzip")];
        let rows: [(Vec<u8>, u16, &str, &str); 11] = [
            (sent(path, &stranger, &body), 401, "invalid_api_key", "null"),
            (sent(path, &evil, &body), 403, "forbidden_origin", "null"),
            (host.into_bytes(), 403, "forbidden_origin", "null"),
            (sent("/mcp/other", &[], &body), 404, "not_found", "null"),
            (sent(path, &[("mcp-session-id", "never-opened")], &body), 404, "not_found", "1"),
            (sent(path, &[own, own], &body), 404, "not_found", "1"),
            (sent(path, &stolen, &body), 404, "not_found", "1"),
            (bare("PUT", "content-length: 0\r\n").into(), 405, "method_not_allowed", "null"),
            (with_body.into(), 400, "malformed_request", "null"),
            (sent(path, &gzip, &body), 415, "unsupported_encoding", "null"),
            (sent(path, &[own], &large), 413, "body_too_large", "null"),
        ];
        for (request, status, code, id) in rows {
            let mut connection = Connection::open(stage.gateway.agents).unwrap();
            // One that is too large may be answered, and closed, before it was sent whole.
            let sent = connection.send(&request);
            let answer =
                connection.answer().unwrap_or_else(|error| panic!("{code}: {error} {sent:?}"));
            assert_eq!((answer.status(), &*told(&answer, id).1), (status, code), "{path}");
            expected.push((code, status));
        }
    }
    stage.check(&expected);
}
