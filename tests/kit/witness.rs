//! A witness: the real program in a folder and a process of its own.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::gateway::PROGRAM;
use crate::patience::until;
use crate::wire::{Answer, ask, look};

/// A witness that runs; it is killed when dropped.
#[derive(Debug)]
pub struct Witness {
    /// Where it listens; the same when it is started again.
    pub address: SocketAddr,
    /// Its verifier key.
    pub key: String,
    folder: TempDir,
    child: Option<Child>,
}

impl Witness {
    /// Starts a witness for the logs with these keys, and waits until it listens.
    pub fn start(logs: &[String]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut witness = Self { address: nowhere, key: String::new(), folder, child: None };
        let mut text = String::from("[witness]\nname = \"witness.example\"\n");
        for log in logs {
            // Writing to a string does not fail.
            let _ = write!(text, "[[witness.log]]\nkey = \"{log}\"\n");
        }
        std::fs::write(witness.folder.path().join("logs"), text).unwrap();
        witness.run().unwrap_or_else(|said| panic!("it did not start: {said}"));
        witness
    }

    /// Starts it on what it has kept, at the same address; what it said where it does not start.
    pub fn run(&mut self) -> Result<(), String> {
        self.run_under(&[])
    }

    /// The same under another program, such as strace.
    pub fn run_under(&mut self, wrapper: &[&str]) -> Result<(), String> {
        let text = std::fs::read_to_string(self.folder.path().join("logs")).unwrap();
        let listen = format!("[witness]\nlisten = \"{}\"", self.address);
        let path = self.folder.path().join("witness.toml");
        std::fs::write(&path, text.replace("[witness]", &listen)).unwrap();
        let program = PROGRAM.as_os_str();
        let mut words = wrapper.iter().map(std::ffi::OsStr::new).chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command.args(words).args(["serve", "--role", "witness", "--config"]).arg(&path);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap_or_else(|| panic!("it has no standard output"));
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(key) = line.strip_prefix("key      ") {
                key.clone_into(&mut self.key);
            }
            if let Some(address) = line.strip_prefix("witness  http://") {
                self.address = address.parse().unwrap();
                self.child = Some(child);
                return Ok(());
            }
        }
        let ended = child.wait_with_output().unwrap();
        Err(String::from_utf8_lossy(&ended.stderr).into_owned())
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            drop(child.kill());
            until("the end of the witness", || child.try_wait().unwrap());
        }
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// How it ended, once it has; nothing while it does not run.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        let mut child = self.child.take()?;
        Some(until("the end of the witness", || child.try_wait().unwrap()))
    }

    /// Where it keeps what it has cosigned.
    pub fn kept(&self) -> PathBuf {
        self.folder.path().join("data/witness")
    }

    /// Sends it this as a request to cosign.
    pub fn ask(&self, body: impl AsRef<[u8]>) -> io::Result<Answer> {
        let body = body.as_ref();
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nhost: witness\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        ask(self.address, [head.as_bytes(), body].concat())
    }

    /// Gets what it shows at a path.
    pub fn look(&self, path: &str) -> io::Result<Answer> {
        look(self.address, path)
    }

    /// What the configuration of a gateway says of it.
    pub fn section(&self, name: &str) -> String {
        let (address, key) = (self.address, &self.key);
        format!("[[witness]]\nname = \"{name}\"\nurl = \"http://{address}\"\nkey = \"{key}\"\n")
    }
}

/// Kills the process with this id at once.
pub fn kill_now(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // One that has ended already needs none.
    let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.kill();
    }
}
