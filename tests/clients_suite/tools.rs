//! The SDKs of the Model Context Protocol, and its official conformance suite.

use tests::gateway::{Gateway, Setup, UPSTREAM_KEY};
use tests::wire::AGENT_KEY;

use crate::script::{Server, client, conformance, installed};

struct Stage {
    fixture: Server,
    gateway: Gateway,
}

fn stage() -> Option<Stage> {
    installed().then(|| {
        let fixture = Server::start("fixture/server.mjs", &[]);
        let gateway = Setup::new().tools("fixture", &fixture.url).start();
        Stage { fixture, gateway }
    })
}

impl Stage {
    /// Runs a client against the server alone, unaltered, and against all servers as one.
    fn run(mut self, script: &str, options: &[&str]) {
        let alone = format!("http://{}/mcp/fixture", self.gateway.agents);
        let together = format!("http://{}/mcp", self.gateway.agents);
        let key = ["--key", AGENT_KEY];
        client(script, &[&["--url", &alone], &key[..], options].concat());
        let merged = ["--prefix", "fixture__"];
        client(script, &[&["--url", &together], &key[..], options, &merged].concat());
        let records = self.gateway.stop_and_check();
        let calls = records.dispatched();
        let tools = calls.values().filter(|fact| fact.operation == events::Operation::ExecuteTool);
        assert!(tools.count() >= 10, "tool calls are on record");
    }
}

/// The same scenarios pass and fail through the gateway as without it.
fn conforms(revision: &str) {
    let Some(mut stage) = stage() else { return };
    let direct = conformance(&stage.fixture.url, UPSTREAM_KEY, revision);
    let url = format!("http://{}/mcp/fixture", stage.gateway.agents);
    let through = conformance(&url, AGENT_KEY, revision);
    assert_eq!(through, direct, "conformance to {revision} differs");
    stage.gateway.stop_and_check();
}

#[test]
fn the_python_sdk_of_mcp_uses_all_it_knows_in_each_mode() {
    for mode in ["auto", "legacy", "2026-07-28"] {
        let Some(stage) = stage() else { return };
        stage.run("mcp_client.py", &["--mode", mode]);
    }
}

#[test]
fn the_typescript_sdk_of_mcp_before_2026_uses_all_it_knows() {
    let Some(stage) = stage() else { return };
    stage.run("mcp_v1.mjs", &["--era", "2025-11-25"]);
}

#[test]
fn the_typescript_sdk_of_mcp_uses_all_it_knows_in_both_eras() {
    for era in ["2025-11-25", "2026-07-28"] {
        let Some(stage) = stage() else { return };
        stage.run("mcp_v2.mjs", &["--era", era]);
    }
}

#[test]
fn the_official_suite_counts_the_same_for_sessions_of_2025() {
    conforms("2025-11-25");
}

#[test]
fn the_official_suite_counts_the_same_for_requests_of_2026() {
    conforms("2026-07-28");
}

#[test]
fn the_official_suite_counts_the_same_for_every_scenario_that_it_ever_had() {
    conforms("all");
}
