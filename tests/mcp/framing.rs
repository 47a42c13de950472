//! HTTP around messages of MCP that is not what it says: lengths that lie, bodies that do not come.

use serde_json::json;
use tests::gateway::Setup;
use tests::mcp::{MODERN, call, modern_call, modern_headers, sent};
use tests::tool_server::ToolServer;
use tests::wire::{Connection, spelled};

use crate::neighbour::{Neighbourhood, PATHS, told};

#[test]
fn a_call_whose_length_is_told_in_two_ways_or_none_is_refused_and_its_connection_closed() {
    let stage = Neighbourhood::start();
    let body = call(1, "echo", &json!({}));
    let length = body.len();
    let lines = [
        format!("content-length: {length}\r\ncontent-length: 3"),
        format!("content-length: {length}, 3"),
        format!("content-length: +{length}"),
        format!("content-length : {length}"),
        "transfer-encoding: smuggled".to_owned(),
        "transfer-encoding: chunked, gzip".to_owned(),
    ];
    let mut expected = Vec::new();
    for lines in lines {
        for path in PATHS {
            let mut connection = Connection::open(stage.gateway.agents).unwrap();
            connection.send(spelled(path, &lines, &body)).unwrap();
            let answer = connection.answer().unwrap();
            assert_eq!(answer.status(), 400, "{path} {lines}: {answer:?}");
            assert_eq!(connection.rest(), b"", "{path} {lines}: nothing else is answered");
            expected.push(("malformed_request", 400));
        }
    }
    stage.check(&expected);
}

#[test]
fn a_call_whose_body_is_not_as_long_as_it_says_or_comes_too_slowly_is_refused() {
    let stage = Neighbourhood::start();
    let mut expected = Vec::new();
    for path in PATHS {
        let whole = sent(path, &[], call(1, "echo", &json!({"text": "hello"})));
        let open = || Connection::open(stage.gateway.agents).unwrap();
        let (mut slow, mut cut, mut short) = (open(), open(), open());
        slow.send(&whole[..whole.len() - 5]).unwrap();
        cut.send(&whole[..whole.len() - 5]).unwrap();
        cut.finish().unwrap();
        let text = String::from_utf8(whole).unwrap();
        let length = format!("content-length: {}", text.split_once("\r\n\r\n").unwrap().1.len());
        // What follows the first ten bytes is no request.
        short.send(text.replace(&length, "content-length: 10")).unwrap();
        let answer = slow.answer().unwrap();
        assert_eq!((answer.status(), &*told(&answer, "null").1), (408, "body_too_slow"));
        let answer = short.answer().unwrap();
        assert_eq!((answer.status(), told(&answer, "null").0), (400, -32700));
        short.rest();
        expected.extend([("body_too_slow", 408), ("body_too_slow", 408)]);
        expected.extend([("malformed_request", 400), ("malformed_request", 400)]);
    }
    stage.check(&expected);
}

#[test]
fn a_call_with_both_a_length_and_chunks_is_what_its_chunks_say_and_hides_no_other() {
    let server =
        ToolServer::start(&["echo"], |call, connection| connection.reply(200, &call.said("well")));
    let mut gateway = Setup::new().tools("tools", &server.url()).prefix("never").start();
    let inner = modern_call(1, "echo", &json!({"text": "seen"}));
    let hidden = modern_call(2, "echo", &json!({"text": "hidden"}));
    let repeated =
        format!("mcp-protocol-version: {MODERN}\r\nmcp-method: tools/call\r\nmcp-name: echo");
    let chunks = format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len());
    for path in PATHS {
        let hidden = String::from_utf8(sent(path, &modern_headers("echo"), &hidden)).unwrap();
        let all = chunks.len() + hidden.len();
        for lines in [
            format!("content-length: {all}\r\ntransfer-encoding: chunked"),
            format!("transfer-encoding: chunked\r\ncontent-length: {all}"),
            "transfer-encoding: chunked\r\ncontent-length: 4".to_owned(),
        ] {
            let lines = format!("{lines}\r\n{repeated}");
            let mut connection = Connection::open(gateway.agents).unwrap();
            connection.send(spelled(path, &lines, &format!("{chunks}{hidden}"))).unwrap();
            let answer = connection.answer().unwrap();
            assert_eq!((answer.status(), answer.json()["id"].clone()), (200, json!(1)));
            assert_eq!(connection.rest(), b"", "the connection is closed behind it");
        }
    }
    gateway.stop_and_check();
    let calls = server.calls();
    assert_eq!(calls.len(), 6);
    assert!(calls.iter().all(|call| call.params["arguments"] == json!({"text": "seen"})));
}
