//! Runs the scripts of `tests/clients`, which keep the third-party clients.

use std::process::Command;

pub(crate) use tests::script::{Server, script};

/// Runs a client to its end; fails with all it said unless every step passed that can be tried in
/// its era, and gives back what it said.
pub(crate) fn client(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(script("run")).arg(name).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {}:\n{said}{errors}", output.status);
    assert!(said.contains("all steps passed"), "{name} said:\n{said}");
    said.into_owned()
}

/// Runs the official MCP conformance suite, and gives back what each scenario counted.
pub(crate) fn conformance(url: &str, key: &str, revision: &str) -> String {
    let out = tempfile::tempdir().unwrap();
    let summary = out.path().join("result/summary.txt");
    let mut command = Command::new(script("conformance"));
    command.args([url, key, revision]).arg(out.path().join("result"));
    // Its exit code is that of the suite, which counts what the fixture itself lacks.
    let output = command.output().unwrap();
    std::fs::read_to_string(summary)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}
