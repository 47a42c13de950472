//! Runs the scripts of `tests/clients`, which keep the third-party clients.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tests::gateway::UPSTREAM_KEY;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// A script of `tests/clients`.
pub(crate) fn script(name: &str) -> PathBuf {
    folder().join(name)
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    child: Child,
    /// The URL that it printed.
    pub(crate) url: String,
}

impl Server {
    /// Starts a server of `tests/clients` and waits for its address.
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Self {
        Self::start_in_era("any", script, arguments)
    }

    /// As [`Server::start`], for a server that may know the legacy era only.
    pub(crate) fn start_in_era(era: &str, script: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(folder().join("run"));
        // The MCP fixture learns these this way.
        command.env("UPSTREAM_KEY", UPSTREAM_KEY).env("ERA", era);
        command.arg(script).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{script} said `{line}`")).to_owned();
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a client to its end; fails with all it said unless every step passed that can be tried in
/// its era, and gives back what it said.
pub(crate) fn client(script: &str, arguments: &[&str]) -> String {
    let output = Command::new(folder().join("run")).arg(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {}:\n{said}{errors}", output.status);
    assert!(said.contains("all steps passed"), "{script} said:\n{said}");
    said.into_owned()
}

/// Runs the official MCP conformance suite, and gives back what each scenario counted.
pub(crate) fn conformance(url: &str, key: &str, revision: &str) -> String {
    let out = tempfile::tempdir().unwrap();
    let summary = out.path().join("result/summary.txt");
    let mut command = Command::new(folder().join("conformance"));
    command.args([url, key, revision]).arg(out.path().join("result"));
    // Its exit code is that of the suite, which counts what the fixture itself lacks.
    let output = command.output().unwrap();
    std::fs::read_to_string(summary)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}
