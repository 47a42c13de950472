//! The SDKs of the Model Context Protocol and its official conformance suite, in both eras.

use std::process::Command;

use tests::gateway::{Gateway, Setup, UPSTREAM_KEY};
use tests::sdk::installed;
use tests::wire::AGENT_KEY;

use crate::script::{Server, conformance, script};

const MODERN: &str = "2026-07-28";

struct Stage {
    fixture: Server,
    gateway: Gateway,
}

/// A gateway before the fixture over HTTP and as a process.
fn stage(era: &str) -> Option<Stage> {
    if !installed() {
        return None;
    }
    let fixture = Server::start_in_era(era, "fixture/server.mjs", &[]);
    let command = format!("command = [\"{}\", \"fixture/stdio.mjs\"]", script("run").display());
    let gateway = Setup::new()
        .tools("fixture", &format!("url = \"{}\"\nkey = {{ env = \"UPSTREAM_KEY\" }}", fixture.url))
        .tools("process", &command)
        .start();
    Some(Stage { fixture, gateway })
}

/// Runs a client at a path of the gateway, and checks that all of it is on record.
fn run(program: &str, path: &str, more: &[&str]) {
    run_before("any", program, path, more);
}

/// As [`run`], before a fixture that may know the legacy era only.
fn run_before(era: &str, program: &str, path: &str, more: &[&str]) {
    let Some(mut stage) = stage(era) else { return };
    let url = format!("http://{}{path}", stage.gateway.agents);
    let arguments = ["--url", &url, "--key", AGENT_KEY];
    let output = Command::new(script("run")).arg(program).args(arguments).args(more).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{program} {more:?}: {output:?}");
    drop(stage.fixture);
    let records = stage.gateway.stop_and_check();
    assert!(records.count("call.completed") >= 5, "{program} is on record");
}

fn conforms(revision: &str) {
    let Some(stage) = stage("any") else { return };
    let direct = conformance(&stage.fixture.url, UPSTREAM_KEY, revision);
    let url = format!("http://{}/mcp/fixture", stage.gateway.agents);
    assert_eq!(conformance(&url, AGENT_KEY, revision), direct, "{revision}");
}

#[test]
fn the_conformance_suite_of_2025_11_25_sees_no_difference() {
    conforms("2025-11-25");
}

#[test]
fn the_conformance_suite_of_2026_07_28_sees_no_difference() {
    conforms("2026-07-28");
}

#[test]
fn the_conformance_suite_of_every_scenario_that_ever_was_sees_no_difference() {
    conforms("all");
}

#[test]
fn the_python_sdk_uses_a_server_as_if_no_gateway_were_there() {
    for mode in ["auto", "legacy", "2026-07-28"] {
        run("mcp_client.py", "/mcp/fixture", &["--mode", mode]);
    }
}

#[test]
fn the_typescript_sdks_use_a_server_as_if_no_gateway_were_there() {
    run("mcp_v1.mjs", "/mcp/fixture", &[]);
    for era in ["2025-11-25", "2026-07-28"] {
        run("mcp_v2.mjs", "/mcp/fixture", &["--era", era]);
    }
}

#[test]
fn the_sdks_use_all_servers_behind_one_endpoint() {
    let prefix = ["--prefix", "fixture__"];
    for mode in ["auto", "legacy", "2026-07-28"] {
        run("mcp_client.py", "/mcp", &[&["--mode", mode], &prefix[..]].concat());
    }
    run("mcp_v1.mjs", "/mcp", &prefix);
    for era in ["2025-11-25", "2026-07-28"] {
        run("mcp_v2.mjs", "/mcp", &[&["--era", era], &prefix[..]].concat());
    }
}

#[test]
fn the_sdks_use_a_server_of_the_legacy_era_in_the_modern_one() {
    // A legacy server's questions reach no modern agent.
    let asking = ["--skip", "elicitation,sampling,roots,rounds"];
    let asking_and_told = ["--skip", "elicitation,sampling,roots,rounds,capabilities"];
    let prefix = ["--prefix", "fixture__"];
    for (program, era, skipped) in [
        ("mcp_client.py", ["--mode", MODERN], asking),
        ("mcp_v2.mjs", ["--era", MODERN], asking_and_told),
    ] {
        run_before("legacy", program, "/mcp", &[era, prefix, skipped].concat());
    }
}

#[test]
fn a_process_is_used_over_http_by_itself_and_among_others() {
    run("mcp_process.mjs", "/mcp/process", &[]);
    run("mcp_process.mjs", "/mcp", &["--prefix", "process__"]);
}
