//! A program of `tests/people` in a process group of its own, which ends with whoever started it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::patience::PATIENCE;
use crate::tools::available;

/// Whether the servers and the browser of `tests/people` are installed; says how to get them where
/// they are not.
pub fn installed() -> bool {
    let output = script(&["--place"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let place = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end());
    let complete = place.join("complete").exists() && folder().join("node_modules").exists();
    let remedy = "run tests/people/setup";
    available(complete, "servers and a browser for people", remedy)
}

/// What `tests/people/run` runs, to its end.
pub fn script(words: &[&str]) -> Command {
    let mut command = Command::new(folder().join("run"));
    command.args(words).stdin(Stdio::null());
    command
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("people")
}

/// A program that runs, and all processes that it has started; they are killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Group {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
}

impl Group {
    /// Starts what `run` calls so. All of them end when their standard input does, so that none
    /// outlives a suite that was killed.
    pub(crate) fn start(words: &[&str]) -> Self {
        let mut command = script(words);
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take().unwrap_or_else(|| panic!("it has no standard input"));
        let stdout = child.stdout.take().unwrap_or_else(|| panic!("it has no standard output"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // A test that has ended does not read any more.
                drop(sender.send(line));
            }
        });
        Self { child, stdin, lines }
    }

    /// The next line that it says.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("it said nothing: {error}"))
    }

    fn write(&mut self, line: &str) {
        self.stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // One that has ended already needs no signal.
        let _ = pid.map(|pid| kill_process_group(pid, Signal::KILL));
        drop(self.child.wait());
    }
}

/// A server that takes commands, as `tests/people/control.py` tells.
#[derive(Debug)]
pub(crate) struct Server {
    group: Mutex<Group>,
    /// What it said first: where it listens.
    at: Value,
}

impl Server {
    /// Starts a script and waits until it listens.
    pub(crate) fn start(words: &[&str]) -> Self {
        let group = Group::start(words);
        let at = serde_json::from_str(&group.line()).unwrap();
        Self { group: Mutex::new(group), at }
    }

    /// A text of what it said first.
    pub(crate) fn at(&self, name: &str) -> String {
        let text = self.at.get(name).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no `{name}` in {}", self.at)).to_owned()
    }

    /// A port of what it said first.
    pub(crate) fn port(&self, name: &str) -> u16 {
        let port = self.at.get(name).and_then(Value::as_u64).and_then(|port| port.try_into().ok());
        port.unwrap_or_else(|| panic!("no port `{name}` in {}", self.at))
    }

    /// Tells it to do something; what comes of it, or why nothing does.
    pub(crate) fn ask(&self, command: &Value) -> Result<Value, String> {
        let mut group = self.group.lock().unwrap_or_else(PoisonError::into_inner);
        group.write(&command.to_string());
        let mut answer: Value = serde_json::from_str(&group.line()).unwrap();
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(error.to_owned()),
            None => Ok(answer.get_mut("ok").map(Value::take).unwrap_or_default()),
        }
    }

    /// The same where it must be possible.
    pub(crate) fn tell(&self, command: &Value) -> Value {
        self.ask(command).unwrap_or_else(|error| panic!("{command}: {error}"))
    }
}

/// The texts of a JSON list.
pub(crate) fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
