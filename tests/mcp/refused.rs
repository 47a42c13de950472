//! Input that never becomes a call.

use serde_json::json;
use tests::mcp::plain;

use crate::stage::Stage;

#[test]
fn malformed_messages_are_refused_in_the_words_of_the_protocol_and_on_record() {
    let mut stage = Stage::plain();
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"x","params":{{"a":{}1{}}}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let cases = [
        ("{", -32700),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, -32700),
        (deep.as_str(), -32700),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["a"]}}"#, -32602),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"","arguments":[]}}"#,
            -32602,
        ),
    ];
    let seen = stage.seen();
    for path in ["/mcp/airline", "/mcp"] {
        for (body, code) in cases {
            let answer = stage.send(path, &[], body);
            assert_eq!(answer.status(), 400, "{path} {body}");
            assert_eq!(answer.json()["error"]["code"], json!(code), "{path} {body}");
        }
    }
    assert_eq!(stage.seen(), seen, "nothing went upstream");
    let records = stage.gateway.stop_and_check();
    assert_eq!(records.count("call.refused"), 2 * cases.len());
}

#[test]
fn nobody_gets_in_without_a_key_or_to_a_server_that_is_not_there() {
    let mut stage = Stage::plain();
    let stranger = [("authorization", "Bearer nobody-knows-this-key-at-all")];
    let answer = stage.send("/mcp/airline", &stranger, &plain(1, "ping"));
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.json()["error"]["data"]["code"], json!("invalid_api_key"));
    assert_eq!(answer.head.header("www-authenticate"), Some("Bearer"));
    assert_eq!(stage.send("/mcp/other", &[], &plain(1, "ping")).status(), 404);
    let evil = [("origin", "https://evil.example")];
    assert_eq!(stage.send("/mcp/airline", &evil, &plain(1, "ping")).status(), 403);
    let records = stage.gateway.stop_and_check();
    let codes: Vec<String> =
        records.refused().iter().map(|refused| refused.code.to_string()).collect();
    assert_eq!(codes, ["invalid_api_key", "not_found", "forbidden_origin"]);
}
