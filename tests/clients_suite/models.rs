//! The SDKs of model providers.

use std::path::Path;

use events::Event;
use tests::gateway::{Gateway, Setup, UPSTREAM_KEY};
use tests::sdk::installed;
use tests::wire::AGENT_KEY;

use crate::script::{Server, client};

/// A provider that nobody runs: nothing listens on the port.
const DEAD: &str = "http://127.0.0.1:9/v1";

struct Stage {
    provider: Server,
    gateway: Gateway,
}

fn stage() -> Stage {
    let provider = ["--key", UPSTREAM_KEY, "--agent-key", AGENT_KEY];
    let provider = Server::start("provider.py", &provider);
    let url = format!("{}/v1", provider.url);
    let gateway = Setup::new()
        .provider("openai", &url, "gpt-*")
        .provider("openai", &url, "text-embedding-*")
        .provider("openai", DEAD, "dead-*")
        .provider("anthropic", &url, "claude-test*")
        .provider("anthropic", DEAD, "dead-*")
        .start();
    Stage { provider, gateway }
}

fn run(script: &str) {
    if !installed() {
        return;
    }
    let mut stage = stage();
    let url = format!("http://{}", stage.gateway.agents);
    let provider = stage.provider.url.clone();
    let said = client(
        script,
        &["--url", &url, "--key", AGENT_KEY, "--provider", &provider, "--dead-model", "dead-model"],
    );
    assert!(!said.contains("skipped"), "{script} left steps out:\n{said}");
    let records = stage.gateway.stop_and_check();
    let completed = records.count("call.completed");
    assert!(completed >= 10, "{script} left {completed} completed calls");
    let unreachable = records.events.iter().filter(|envelope| {
        matches!(&envelope.event, Event::CallFailed(failed)
            if failed.reason == events::FailureReason::Unreachable)
    });
    assert!(unreachable.count() >= 2, "calls to the dead provider are on record");
    let codes: Vec<&str> = records.refused().iter().map(|refused| &*refused.code).collect();
    for code in ["invalid_api_key", "malformed_request", "model_not_found"] {
        assert!(codes.contains(&code), "no `{code}` among {codes:?}");
    }
    assert_absent(&stage.gateway.data, AGENT_KEY);
    assert_absent(&stage.gateway.data, UPSTREAM_KEY);
}

/// Fails where a file below `folder` contains `secret`.
fn assert_absent(folder: &Path, secret: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_absent(&path, secret);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{} contains a key", path.display());
    }
}

#[test]
fn the_openai_sdk_does_all_it_can_through_the_gateway_and_all_of_it_is_on_record() {
    run("openai_client.py");
}

#[test]
fn the_anthropic_sdk_does_all_it_can_through_the_gateway_and_all_of_it_is_on_record() {
    run("anthropic_client.py");
}
