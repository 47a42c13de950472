//! The real program in a folder of its own, with the upstreams and limits that a test wants.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{LazyLock, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::patience::{PATIENCE, until};
use crate::records::Records;
use crate::wire::AGENT_KEY;

/// The key that upstreams want.
pub const UPSTREAM_KEY: &str = "sk-the-key-of-the-upstream-in-tests";

/// What a gateway is started with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    providers: String,
    limits: String,
    ledger: String,
    data: Option<PathBuf>,
    wrapper: Vec<String>,
    arguments: Vec<String>,
}

/// A gateway that runs; it is killed when dropped.
pub struct Gateway {
    /// Where agents connect.
    pub agents: SocketAddr,
    /// Where people connect.
    pub people: SocketAddr,
    /// Everything it keeps.
    pub data: PathBuf,
    folder: Option<TempDir>,
    child: Child,
    lines: Mutex<Receiver<String>>,
    said: Vec<String>,
    setup: Setup,
}

impl Setup {
    /// Limits and names as usual, small segments, and no upstream yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A provider of a dialect for the models that match a pattern.
    #[must_use]
    pub fn provider(mut self, dialect: &str, url: &str, serves: &str) -> Self {
        let number = self.providers.matches("[[model]]").count();
        // Writing to a string does not fail.
        let _ = write!(
            self.providers,
            "[[model]]\nname = \"{dialect}-{number}\"\ndialect = \"{dialect}\"\nurl = \"{url}\"\n\
             key = {{ env = \"UPSTREAM_KEY\" }}\nserves = [\"{serves}\"]\n"
        );
        self
    }

    /// A tool server, by the lines that say how it is reached.
    #[must_use]
    pub fn tools(mut self, name: &str, lines: &str) -> Self {
        let _ = writeln!(self.providers, "[[tools]]\nname = \"{name}\"\n{lines}");
        self
    }

    /// A further agent, with `key_hash` or `key` and its rights among the lines.
    #[must_use]
    pub fn agent(mut self, name: &str, lines: &str) -> Self {
        let _ = writeln!(
            self.providers,
            "[[agent]]\nname = \"{name}\"\nowner = \"{name}@example.com\"\n{lines}"
        );
        self
    }

    /// When tools of many servers have prefixes.
    #[must_use]
    pub fn prefix(mut self, rule: &str) -> Self {
        let _ = writeln!(self.providers, "[mcp]\nprefix = \"{rule}\"");
        self
    }

    /// A line of `[limits]`.
    #[must_use]
    pub fn limit(mut self, line: &str) -> Self {
        let _ = writeln!(self.limits, "{line}");
        self
    }

    /// A line of `[ledger]`.
    #[must_use]
    pub fn ledger(mut self, line: &str) -> Self {
        let _ = writeln!(self.ledger, "{line}");
        self
    }

    /// Further sections, with their headings.
    #[must_use]
    pub fn sections(mut self, sections: &str) -> Self {
        let _ = writeln!(self.providers, "{sections}");
        self
    }

    /// Keeps the data here instead of in the folder of its own.
    #[must_use]
    pub fn data(mut self, data: &Path) -> Self {
        self.data = Some(data.to_owned());
        self
    }

    /// Runs the program under another one, such as strace.
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// A further argument of the first start.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Starts the program and waits until it listens.
    pub fn start(self) -> Gateway {
        let folder = tempfile::tempdir().unwrap();
        self.start_in(folder)
    }

    /// Starts the program; what it said where it ends before it listens.
    pub fn try_start(self) -> Result<Gateway, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        self.try_start_in(folder)
    }

    fn start_in(self, folder: TempDir) -> Gateway {
        self.try_start_in(folder).unwrap_or_else(|said| panic!("it did not start: {said:?}"))
    }

    fn try_start_in(self, folder: TempDir) -> Result<Gateway, Vec<String>> {
        let data = self.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let path = folder.path().join("countersign.toml");
        std::fs::write(&path, self.configuration(&data)).unwrap();
        let mut command = self.command();
        command.arg("serve").arg("--config").arg(&path).args(&self.arguments);
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let stdout = child.stdout.take().unwrap_or_else(|| panic!("it has no standard output"));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // A test that has ended does not read any more.
                drop(sender.send(line));
            }
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let mut gateway = Gateway {
            agents: nowhere,
            people: nowhere,
            data,
            folder: Some(folder),
            child,
            lines: Mutex::new(lines),
            said: Vec::new(),
            setup: self,
        };
        let agents = gateway.listening("agents   http://");
        let people = agents.and_then(|_| gateway.listening("people   http://"));
        match (agents, people) {
            (Some(agents), Some(people)) => {
                (gateway.agents, gateway.people) = (agents, people);
                Ok(gateway)
            }
            _ => Err(gateway.said.clone()),
        }
    }

    fn configuration(&self, data: &Path) -> String {
        let Self { providers, limits, ledger, .. } = self;
        let small = "reserve_bytes = \"1 MiB\"\n";
        let reserve = if ledger.contains("reserve_bytes") { "" } else { small };
        let data = data.display();
        format!(
            "data = \"{data}\"\n\
             [listen]\nagents = \"127.0.0.1:0\"\npeople = \"127.0.0.1:0\"\n\
             [limits]\n{limits}\n\
             [ledger]\nsegment_bytes = \"1 MiB\"\n{reserve}{ledger}\n\
             {providers}\n\
             [[agent]]\nname = \"agent\"\nteam = \"tests\"\nowner = \"ada@example.com\"\n\
             key = {{ env = \"AGENT_KEY\" }}\nmodels = [\"*\"]\ntools = [\"*\"]\n\
             [[agent]]\nname = \"idle\"\nowner = \"bob@example.com\"\n\
             key = {{ env = \"IDLE_KEY\" }}\n"
        )
    }

    fn command(&self) -> Command {
        let mut words = self.wrapper.iter();
        let mut command = match words.next() {
            None => Command::new(&*PROGRAM),
            Some(wrapper) => {
                let mut command = Command::new(wrapper);
                command.args(words).arg(&*PROGRAM);
                command
            }
        };
        command
            .env("AGENT_KEY", AGENT_KEY)
            .env("UPSTREAM_KEY", UPSTREAM_KEY)
            .env("IDLE_KEY", IDLE_KEY)
            .env("OTHER_KEY", OTHER_KEY)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }
}

/// The key of an agent that may do nothing.
pub const IDLE_KEY: &str = "csk-the-key-of-the-agent-without-rights";

/// The key of a further agent, whose lines then say `key = { env = "OTHER_KEY" }`.
pub const OTHER_KEY: &str = "csk-the-key-of-another-agent-in-tests";

impl Gateway {
    /// Its configuration.
    pub fn config(&self) -> PathBuf {
        let folder = self.folder.as_ref().unwrap_or_else(|| panic!("a folder of its own"));
        folder.path().join("countersign.toml")
    }

    /// What the ledger on disk says now.
    pub fn records(&self) -> Records {
        Records::read(&self.data)
    }

    /// Waits until the ledger says something.
    pub fn recorded(&self, what: &str, holds: impl Fn(&Records) -> bool) -> Records {
        until(what, || Some(self.records()).filter(&holds))
    }

    /// Waits for a line on standard output that contains `text`.
    pub fn hears(&mut self, text: &str) -> Option<String> {
        if let Some(line) = self.said.iter().find(|line| line.contains(text)) {
            return Some(line.clone());
        }
        loop {
            let lines = self.lines.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
            let line = self.said.last().filter(|line| line.contains(text));
            if let Some(line) = line {
                return Some(line.clone());
            }
        }
    }

    /// All lines on standard output so far.
    pub fn said(&self) -> &[String] {
        &self.said
    }

    fn listening(&mut self, prefix: &str) -> Option<SocketAddr> {
        let line = self.hears(prefix)?;
        line.strip_prefix(prefix)?.parse().ok()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // One that has ended already needs none.
        let _ = pid.map(|pid| kill_process(pid, signal));
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        until("the end of the gateway", || child.try_wait().unwrap())
    }

    /// Kills it at once, as a power cut of this process alone.
    pub fn kill(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        self.ended();
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Starts it anew on the same data once it has ended, without wrapper or further arguments.
    #[must_use]
    pub fn again(self) -> Self {
        self.try_again().unwrap_or_else(|said| panic!("it did not start: {said:?}"))
    }

    /// The same where it may not start; what it said then.
    pub fn try_again(mut self) -> Result<Self, Vec<String>> {
        let folder = self.folder.take().unwrap_or_else(|| panic!("a folder of its own"));
        let setup = Setup { wrapper: Vec::new(), arguments: Vec::new(), ..self.setup.clone() };
        drop(self);
        setup.try_start_in(folder)
    }

    /// Stops it, and checks that nothing was left open and that it said so on record.
    pub fn stop_and_check(&mut self) -> Records {
        let status = self.stop();
        assert!(status.success(), "it ended with {status}: {:?}", self.said);
        let records = self.records();
        records.assert_complete();
        let last = records.events.last().map(|envelope| envelope.event.kind());
        assert_eq!(last, Some("gateway.stopped"));
        records
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The program, to run another of its commands than `serve`.
pub fn program() -> Command {
    let mut command = Command::new(&*PROGRAM);
    command.stdin(Stdio::null());
    command
}

/// The auditor's program.
pub fn verifier() -> Command {
    let mut command = Command::new(&*VERIFIER);
    command.stdin(Stdio::null());
    command
}

/// The program, built once by each suite in the suite's own profile.
pub(crate) static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| built("proxy", "countersign"));

static VERIFIER: LazyLock<PathBuf> = LazyLock::new(|| built("ledger-verify", "ledger-verify"));

fn built(package: &str, program: &str) -> PathBuf {
    let suite = std::env::current_exe().unwrap();
    let profile = suite.parent().and_then(Path::parent).unwrap_or(Path::new(".")).to_owned();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", package, "--bin", program]);
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    build.arg("--target-dir").arg(profile.parent().unwrap_or(Path::new(".")));
    // What the outer cargo says of this package would make build scripts run anew each time.
    for (name, _) in std::env::vars_os() {
        let own = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        if name.to_str().is_some_and(|name| own.iter().any(|own| name.starts_with(own))) {
            build.env_remove(name);
        }
    }
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.status().unwrap();
    assert!(status.success(), "`{program}` does not build");
    profile.join(program)
}
