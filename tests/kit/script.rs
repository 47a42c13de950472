//! The scripts of `tests/clients`, which keep third-party clients and a provider for them.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::gateway::UPSTREAM_KEY;

/// A script of `tests/clients`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The URL that it printed.
    pub url: String,
}

impl Server {
    /// Starts a server of `tests/clients` and waits for its address.
    pub fn start(name: &str, arguments: &[&str]) -> Self {
        Self::start_in_era("any", name, arguments)
    }

    /// As [`Server::start`], for a server that may know the legacy era only.
    pub fn start_in_era(era: &str, name: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(script("run"));
        // The MCP fixture learns these this way.
        command.env("UPSTREAM_KEY", UPSTREAM_KEY).env("ERA", era);
        command.arg(name).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{name} said `{line}`")).to_owned();
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
