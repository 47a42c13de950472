//! SDKs with their own time-outs make a call, and repeat it for as long as they are told to.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tests::gateway::{Gateway, Setup, UPSTREAM_KEY};
use tests::sdk::{Called, MODEL_SDKS, Outcome, Sdk, TOOL_SDKS, installed};
use tests::tool_server::ToolServer;
use tests::wire::AGENT_KEY;

use crate::script::Server;

const WAIT: &str = "NOT EXECUTED. A person must approve this exact call. Make the identical call \
     again in a moment.";

/// Two texts that ask for a repetition, then this one, then all over again.
fn after_two(text: &'static str) -> impl Fn() -> (&'static str, bool) {
    let asked = AtomicUsize::new(0);
    move || match asked.fetch_add(1, Ordering::Relaxed) % 3 {
        2 => (text, text.starts_with("Refused")),
        _ => (WAIT, true),
    }
}

/// A gateway before a tool that answers so.
fn before_tool(answer: impl Fn() -> (&'static str, bool) + Send + Sync + 'static) -> Gateway {
    let tools = ToolServer::start(&["refund"], move |call, connection| {
        let (text, is_error) = answer();
        let content = json!([{"type": "text", "text": text}]);
        let result = json!({"resultType": "complete", "content": content, "isError": is_error});
        let said = json!({"jsonrpc": "2.0", "id": call.id, "result": result});
        connection.reply(200, &said.to_string())
    });
    Setup::new().tools("shop", &tools.url()).start()
}

fn call_tool(sdk: &Sdk, gateway: &Gateway) -> Called {
    let url = format!("http://{}/mcp/shop", gateway.agents);
    let tool = ["--tool", "refund", "--arguments", "{\"order\": 7}", "--pause", "0"];
    sdk.start(&url, AGENT_KEY, &tool).finish()
}

#[test]
fn every_mcp_sdk_repeats_a_call_until_it_is_granted() {
    if !installed() {
        return;
    }
    let gateway = before_tool(after_two("Refunded."));
    for sdk in TOOL_SDKS {
        let called = call_tool(sdk, &gateway);
        assert_eq!(called.outcome, Outcome::Answered, "{}: {called:#?}", sdk.name);
        assert_eq!(called.text, "Refunded.", "{}", sdk.name);
        assert_eq!(called.attempts.len(), 3, "{}: {called:#?}", sdk.name);
    }
}

#[test]
fn every_mcp_sdk_stops_when_a_call_is_refused() {
    if !installed() {
        return;
    }
    let gateway = before_tool(after_two("Refused by ada@example.com: not this order."));
    for sdk in TOOL_SDKS {
        let called = call_tool(sdk, &gateway);
        assert_eq!(called.outcome, Outcome::Failed, "{}: {called:#?}", sdk.name);
        assert_eq!(called.text, "Refused by ada@example.com: not this order.", "{}", sdk.name);
        assert_eq!(called.attempts.len(), 3, "{}: {called:#?}", sdk.name);
    }
}

#[test]
fn every_model_sdk_gets_what_is_not_held_at_once_and_knows_an_error_that_is_final() {
    if !installed() {
        return;
    }
    let provider = Server::start("provider.py", &["--key", UPSTREAM_KEY]);
    let url = format!("{}/v1", provider.url);
    let gateway = Setup::new()
        .provider("openai", &url, "gpt-*")
        .provider("anthropic", &url, "claude-test*")
        .start();
    let url = format!("http://{}", gateway.agents);
    for sdk in MODEL_SDKS {
        let called = sdk.start(&url, AGENT_KEY, &["--text", "hi"]).finish();
        assert_eq!(called.outcome, Outcome::Answered, "{}: {called:#?}", sdk.name);
        assert_eq!(called.text, "You said: hi", "{}", sdk.name);
        let called = sdk.start(&url, AGENT_KEY, &["--text", "hi", "--tools"]).finish();
        assert!(called.text.contains("get_weather({"), "{}: {called:#?}", sdk.name);
        let called = sdk.start(&url, AGENT_KEY, &["--text", "status 400"]).finish();
        assert_eq!(called.outcome, Outcome::Failed, "{}: {called:#?}", sdk.name);
        assert_eq!(called.attempts.len(), 1, "{}: {called:#?}", sdk.name);
    }
}
