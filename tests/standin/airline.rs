//! The stand-in airline keeps to the MCP of each era.

use std::sync::Arc;

use http::{Method, StatusCode};
use proxy::standin::{
    airline::{self, Options, PATH},
    recording::Recordings,
    server::Handle,
};
use serde_json::{Value, json};

use crate::client::{ANYWHERE, Answer, post, send};

async fn start(options: Options) -> Handle {
    let recordings = Arc::new(Recordings::embedded().unwrap());
    airline::start(ANYWHERE, recordings, options).await.unwrap()
}

async fn say(server: &Handle, headers: &[(&str, &str)], message: &Value) -> Answer {
    send(server.addr(), Method::POST, PATH, headers, message).await.unwrap()
}

fn modern(method: &str, params: &Value, version: &str) -> Value {
    let mut params = params.clone();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": "a", "method": method, "params": params})
}

fn headers<'a>(method: &'a str, name: &'a str, version: &'a str) -> [(&'a str, &'a str); 3] {
    [("mcp-method", method), ("mcp-name", name), ("mcp-protocol-version", version)]
}

#[tokio::test]
async fn a_legacy_session_is_opened_used_and_ended() {
    let server = start(Options::default()).await;
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}}});
    let opened = post(&server, PATH, &initialize).await;
    assert_eq!(opened.json()["result"]["protocolVersion"], "2025-06-18");
    let session = opened.headers["mcp-session-id"].to_str().unwrap();
    let with = [("mcp-session-id", session), ("mcp-protocol-version", "2025-06-18")];
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(say(&server, &with, &ready).await.status, StatusCode::ACCEPTED);
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let tools = say(&server, &with, &list).await.json();
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 14);
    assert_eq!(post(&server, PATH, &list).await.status, StatusCode::BAD_REQUEST);
    let ended = send(server.addr(), Method::DELETE, PATH, &with, &Value::Null).await.unwrap();
    assert_eq!(ended.status, StatusCode::OK);
    assert_eq!(say(&server, &with, &list).await.status, StatusCode::NOT_FOUND);
    let get = send(server.addr(), Method::GET, PATH, &with, &Value::Null).await.unwrap();
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_modern_request_needs_no_session_and_says_how_long_its_answer_holds() {
    let server = start(Options::default()).await;
    let message = modern("server/discover", &json!({}), "2026-07-28");
    let with = headers("server/discover", "", "2026-07-28");
    let result = say(&server, &with, &message).await.json()["result"].clone();
    assert_eq!(result["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(
        (&result["resultType"], &result["cacheScope"]),
        (&json!("complete"), &json!("public"))
    );
    assert!(result["ttlMs"].is_u64());
}

#[tokio::test]
async fn modern_requests_that_break_the_rules_get_the_codes_of_the_specification() {
    let server = start(Options::default()).await;
    let call = json!({"name": "think", "arguments": {"thought": "hm"}});
    let good = modern("tools/call", &call, "2026-07-28");
    let unknown = modern("tools/sing", &call, "2026-07-28");
    let future = modern("tools/call", &call, "2030-01-01");
    let bare = json!({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": call});
    let now = "2026-07-28";
    for (message, with, status, code) in [
        (&good, headers("tools/call", "cancel_reservation", now), 400, -32020),
        (&good, headers("tools/list", "think", now), 400, -32020),
        (&good, headers("tools/call", "think", "2025-11-25"), 400, -32020),
        (&future, headers("tools/call", "think", "2030-01-01"), 400, -32022),
        (&bare, headers("tools/call", "think", now), 400, -32602),
        (&unknown, headers("tools/sing", "", now), 404, -32601),
    ] {
        let answer = say(&server, &with, message).await;
        assert_eq!(answer.status.as_u16(), status, "{message}");
        assert_eq!(answer.json()["error"]["code"], code, "{message}");
        assert_eq!(answer.json()["id"], "a");
    }
    assert_eq!(say(&server, &headers("tools/call", "think", now), &good).await.status, 200);
}

#[tokio::test]
async fn a_call_is_found_whatever_the_order_of_its_arguments_and_an_unknown_one_is_an_error() {
    let server = start(Options::default()).await;
    let recordings = Recordings::embedded().unwrap();
    let calls = recordings.sessions().iter().flat_map(|session| &session.messages);
    let search = calls.flat_map(|message| message.turn().calls);
    let search = search.into_iter().find(|call| call.name == "search_direct_flight").unwrap();
    let arguments = search.arguments_value();
    let turned = format!(
        "{{\"origin\":{}, \"destination\":{},\"date\" : {}}}",
        arguments["origin"], arguments["destination"], arguments["date"]
    );
    let now = "2026-07-28";
    let with = headers("tools/call", "search_direct_flight", now);
    let arguments: Value = serde_json::from_str(&turned).unwrap();
    let known = json!({"name": "search_direct_flight", "arguments": arguments});
    let known = say(&server, &with, &modern("tools/call", &known, now)).await.json();
    assert_eq!(known["result"]["isError"], false, "{known}");
    let unknown = json!({"name": "search_direct_flight", "arguments": {"origin": "XXX"}});
    let unknown = say(&server, &with, &modern("tools/call", &unknown, now)).await.json();
    assert_eq!(unknown["result"]["isError"], true);
}

#[tokio::test]
async fn progress_is_streamed_before_the_result_where_the_client_asks_for_it() {
    let server = start(Options { sse: true, ..Options::default() }).await;
    let call = json!({"name": "list_all_airports", "arguments": {}});
    let now = "2026-07-28";
    let mut message = modern("tools/call", &call, now);
    message["params"]["_meta"]["progressToken"] = 5.into();
    let with = headers("tools/call", "list_all_airports", now);
    let events = say(&server, &with, &message).await.json_events();
    assert_eq!(events[0]["params"]["progressToken"], 5);
    assert_eq!(events[1]["id"], "a");
    assert_eq!(events.len(), 2);
}

#[tokio::test]
async fn a_fixed_airline_gives_every_call_the_same_size_and_keeps_its_id() {
    let server = start(Options { fixed_bytes: Some(1000), ..Options::default() }).await;
    for id in [json!(7), json!("seven")] {
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": "anything", "arguments": {}}});
        let answer = post(&server, PATH, &call).await.json();
        assert_eq!(answer["id"], id);
        assert_eq!(answer["result"]["content"][0]["text"].as_str().unwrap().len(), 1000);
    }
}

#[tokio::test]
async fn what_is_no_single_message_is_refused() {
    let server = start(Options::default()).await;
    let batch = json!([{"jsonrpc": "2.0", "id": 1, "method": "ping"}]);
    let refused = post(&server, PATH, &batch).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["error"]["code"]), (400, &json!(-32600)));
}

#[tokio::test]
async fn a_call_without_the_key_of_the_airline_is_refused() {
    let server = start(Options { key: Some("k".into()), ..Options::default() }).await;
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let refused = post(&server, PATH, &ping).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
}
