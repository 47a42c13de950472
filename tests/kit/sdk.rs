//! Somebody else's client makes one call, with its own time-outs, and repeats it as long as it is
//! told to: the scripts `held_…` of `tests/clients`.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::tools::available;

/// A way to make a call.
#[derive(Clone, Copy, Debug)]
pub struct Sdk {
    /// What it is.
    pub name: &'static str,
    words: &'static [&'static str],
}

/// Those that ask models: to be given the gateway's URL.
///
/// Further arguments: `--model`, `--text`, `--tools` (offers a tool).
pub const MODEL_SDKS: &[Sdk] = &[
    Sdk { name: "OpenAI, chat", words: &["held_openai.py"] },
    Sdk { name: "OpenAI, chat, streamed", words: &["held_openai.py", "--stream"] },
    Sdk { name: "OpenAI, responses", words: &["held_openai.py", "--api", "responses"] },
    Sdk {
        name: "OpenAI, responses, streamed",
        words: &["held_openai.py", "--api", "responses", "--stream"],
    },
    Sdk { name: "Anthropic", words: &["held_anthropic.py"] },
    Sdk { name: "Anthropic, streamed", words: &["held_anthropic.py", "--stream"] },
];

/// Those that call tools: to be given the URL of an MCP endpoint.
///
/// Further arguments: `--tool`, `--arguments` (JSON), `--elicits` (a person can be asked).
pub const TOOL_SDKS: &[Sdk] = &[
    Sdk { name: "MCP Python, by itself", words: &["held_mcp.py", "--mode", "auto"] },
    Sdk { name: "MCP Python, legacy", words: &["held_mcp.py", "--mode", "legacy"] },
    Sdk { name: "MCP Python, modern", words: &["held_mcp.py", "--mode", "2026-07-28"] },
    Sdk { name: "MCP TypeScript v1", words: &["held_mcp.mjs", "--sdk", "v1"] },
    Sdk {
        name: "MCP TypeScript v2, legacy",
        words: &["held_mcp.mjs", "--sdk", "v2", "--era", "2025-11-25"],
    },
    Sdk {
        name: "MCP TypeScript v2, modern",
        words: &["held_mcp.mjs", "--sdk", "v2", "--era", "2026-07-28"],
    },
];

/// A client that waits for an answer, or will repeat its call; it is killed when dropped.
#[derive(Debug)]
pub struct Caller {
    name: &'static str,
    child: Child,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub struct Called {
    /// Whether it was answered, failed, or was told to repeat it once too often.
    pub outcome: Outcome,
    /// The last text that a model would see.
    pub text: String,
    /// All attempts, the last one too.
    pub attempts: Vec<Attempt>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With a result.
    Answered,
    /// With an error that does not ask for a repetition.
    Failed,
    /// With an error that asks for one more repetition than the client would make.
    Waiting,
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// How long it took.
    pub seconds: f64,
    /// The text that a model would see.
    pub text: String,
    /// The error as the SDK told it: `kind`, `status`, `body`. A tool's own error is of the kind
    /// `isError`, with the structured content for its body.
    pub error: Option<Value>,
}

/// Whether the clients of `tests/clients` are installed; says how to get them where they are not.
pub fn installed() -> bool {
    let mut command = run(&["--python", "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let runs = command.status().is_ok_and(|status| status.success());
    available(runs, "third-party clients", "run tests/clients/setup")
}

fn run(words: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/run"));
    command.args(words).stdin(Stdio::null());
    command
}

impl Sdk {
    /// Starts a call. Besides what the kind of SDK takes, `more` may say `--times` (how often to
    /// call at most), `--pause` (seconds in between) and `--waiting` (a regular expression for the
    /// texts that ask for a repetition).
    pub fn start(&self, url: &str, key: &str, more: &[&str]) -> Caller {
        let mut command = run(self.words);
        command.args(["--url", url, "--key", key]).args(more).process_group(0);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Caller { name: self.name, child }
    }
}

impl Caller {
    /// Waits for what comes of the call.
    pub fn finish(mut self) -> Called {
        let (mut said, mut complaints) = (String::new(), String::new());
        if let Some(mut stdout) = self.child.stdout.take() {
            stdout.read_to_string(&mut said).unwrap();
        }
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut complaints).unwrap();
        }
        let report = serde_json::from_str(said.trim());
        let report = report.unwrap_or_else(|_| panic!("{}: `{said}` {complaints}", self.name));
        Called::read(&report)
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // One that has ended already needs no signal.
        let _ = pid.map(|pid| kill_process_group(pid, Signal::KILL));
        drop(self.child.wait());
    }
}

impl Called {
    fn read(report: &Value) -> Self {
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let outcome = match text(report, "outcome").as_str() {
            "answered" => Outcome::Answered,
            "failed" => Outcome::Failed,
            "waiting" => Outcome::Waiting,
            other => panic!("`{other}` is no outcome"),
        };
        let attempts = report.get("attempts").and_then(Value::as_array).into_iter().flatten();
        let attempts = attempts.map(|attempt| Attempt {
            seconds: attempt.get("seconds").and_then(Value::as_f64).unwrap_or_default(),
            text: text(attempt, "text"),
            error: attempt.get("error").filter(|error| !error.is_null()).cloned(),
        });
        Self { outcome, text: text(report, "text"), attempts: attempts.collect() }
    }
}
