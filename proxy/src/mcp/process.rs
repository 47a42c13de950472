//! Tool server processes: started with an environment of their own, watched, and ended with
//! everything they started. What they say is the link's matter.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use events::{UpstreamStarted, UpstreamStopped};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use crate::config::{ToolUpstream, Transport};
use crate::json::Limits;

use super::clerk::Clerk;
use super::line_link::{Link, WAITING_MAX};
use super::pump::Bench;

/// What a process gets of the gateway's own environment; the rest may hold secrets.
const INHERITED: [&str; 9] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TMPDIR", "TZ"];

/// How many processes of one server may run at once.
const PROCESSES_MAX: usize = 64;

/// The wait before a restart: doubled with each, and back to the shortest after a long life.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(30);
const LONG_LIFE: Duration = Duration::from_mins(1);

/// The longest line of standard error that is logged; what is longer is cut, and says so.
const LOGGED_BYTES_MAX: usize = 4096;

/// How long a process may take to end by itself when its input ends.
const FAREWELL: Duration = Duration::from_secs(2);

/// Starts the processes of one server.
#[derive(Clone)]
pub(crate) struct Launcher(Arc<Inner>);

struct Inner {
    server: Arc<str>,
    command: Vec<String>,
    env: BTreeMap<String, OsString>,
    cwd: PathBuf,
    line_bytes_max: usize,
    limits: Limits,
    clerk: Clerk,
    stopping: watch::Receiver<bool>,
    places: Arc<Semaphore>,
    backoff: Mutex<Backoff>,
}

#[derive(Debug)]
struct Backoff {
    attempts: u64,
    delay: Duration,
    not_before: Option<Instant>,
}

/// Why no process was started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LaunchError {
    /// All places are taken.
    #[error("{PROCESSES_MAX} processes of this tool server run already; end a session first")]
    TooMany,
    /// The system refused.
    #[error("the tool server's command cannot be started: {0}")]
    Spawn(#[from] std::io::Error),
}

/// A process that runs for as long as this is kept.
pub(crate) struct Running {
    /// The line to it.
    pub(crate) link: Link,
    /// Dropping it ends the process.
    _alive: mpsc::Sender<()>,
}

impl Launcher {
    /// The launcher of a server that the configuration describes as a process; else `None`.
    pub(crate) fn new(tools: &ToolUpstream, bench: &Bench) -> Option<Self> {
        let Transport::Stdio { command, env, cwd } = &tools.transport else { return None };
        let limits = &bench.limits;
        let inherited =
            INHERITED.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?)));
        let own = env.iter().map(|(name, value)| (name.clone(), value.expose().into()));
        Some(Self(Arc::new(Inner {
            server: Arc::from(tools.name.as_str()),
            command: command.clone(),
            env: inherited.chain(own).collect(),
            cwd: cwd.clone(),
            line_bytes_max: limits.answer_bytes_max,
            limits: Limits { depth_max: limits.json_depth_max },
            clerk: bench.clerk.clone(),
            stopping: bench.stopping.clone(),
            places: Arc::new(Semaphore::new(PROCESSES_MAX)),
            backoff: Mutex::new(Backoff { attempts: 0, delay: BACKOFF_MIN, not_before: None }),
        })))
    }

    /// Starts a process, not before the wait after an earlier one's end is over. What it says
    /// unasked goes to `unasked`; `make_room` is called when too many run, to let go of one.
    pub(crate) async fn launch(
        &self,
        unasked: mpsc::Sender<String>,
        make_room: impl FnOnce(),
    ) -> Result<Running, LaunchError> {
        let inner = &self.0;
        let place = match Arc::clone(&inner.places).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => self.place_made(make_room).await?,
        };
        let wait = self.backoff(|backoff| backoff.not_before);
        if let Some(wait) = wait {
            tokio::time::sleep_until(wait.into()).await;
        }
        let attempt = self.backoff(|backoff| {
            backoff.attempts += 1;
            backoff.attempts
        });
        let mut child = inner.spawn().inspect_err(|_| {
            self.failed(Duration::ZERO);
        })?;
        let process = child.id().unwrap_or_default();
        inner
            .clerk
            .note(UpstreamStarted {
                attempt,
                command: inner.command.clone(),
                process,
                upstream: Arc::clone(&inner.server),
            })
            .await;
        let (lines, waiting_lines) = mpsc::channel(WAITING_MAX);
        let link = Link::new(lines, unasked, inner.limits);
        let (alive, ended) = mpsc::channel(1);
        if let Some(stdin) = child.stdin.take() {
            let ended = link.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = write_lines(stdin, waiting_lines) => {}
                    () = ended.closed() => {}
                }
            });
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(log_lines(Arc::clone(&inner.server), stderr));
        }
        let watched = self.clone();
        let watched_link = link.clone();
        self.0.clerk.gate().tasks.spawn(async move {
            watched.watch(child, watched_link, ended).await;
            drop(place);
        });
        Ok(Running { link, _alive: alive })
    }

    async fn place_made(
        &self,
        make_room: impl FnOnce(),
    ) -> Result<OwnedSemaphorePermit, LaunchError> {
        make_room();
        let made = Arc::clone(&self.0.places).acquire_owned();
        let waited = tokio::time::timeout(FAREWELL * 2, made).await;
        waited.ok().and_then(Result::ok).ok_or(LaunchError::TooMany)
    }

    /// Reads what the process says until it ends or nobody needs it any more.
    async fn watch(&self, mut child: Child, link: Link, mut unneeded: mpsc::Receiver<()>) {
        let began = Instant::now();
        let mut told = false;
        if let Some(stdout) = child.stdout.take() {
            let server = Arc::clone(&self.0.server);
            let receive = |line: &[u8]| {
                let received = link.receive(line);
                drop(received.inspect_err(|why| tracing::warn!(%server, "not passed on: {why}")));
            };
            tokio::select! {
                read = read_lines(stdout, self.0.line_bytes_max, receive) => drop(read.inspect_err(
                    |error| tracing::error!(%server, "its output cannot be read: {error}"),
                )),
                _ = unneeded.recv() => told = true,
                // When the gateway stops, what is under way may end first.
                () = self.stopped(&link) => told = true,
            }
        }
        link.close();
        let status = end(&mut child, told).await;
        let restart = if told { None } else { Some(self.failed(began.elapsed())) };
        self.0
            .clerk
            .note(UpstreamStopped {
                detail: if told { format!("no longer needed: {status}") } else { status },
                restart_ms: restart
                    .map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
                upstream: Arc::clone(&self.0.server),
            })
            .await;
    }

    async fn stopped(&self, link: &Link) {
        let mut stopping = self.0.stopping.clone();
        drop(stopping.wait_for(|stop| *stop).await);
        link.idle().await;
    }

    /// Takes note of an end that nobody wanted; says how long the next start must wait.
    fn failed(&self, lived: Duration) -> Duration {
        self.backoff(|backoff| {
            let delay = if lived >= LONG_LIFE { BACKOFF_MIN } else { backoff.delay };
            backoff.delay = (delay * 2).min(BACKOFF_MAX);
            backoff.not_before = Some(Instant::now() + delay);
            delay
        })
    }

    fn backoff<T>(&self, look: impl FnOnce(&mut Backoff) -> T) -> T {
        look(&mut self.0.backoff.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Inner {
    fn spawn(&self) -> std::io::Result<Child> {
        let (program, arguments) =
            self.command.split_first().ok_or_else(|| std::io::Error::other("no command"))?;
        Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(&self.env)
            .current_dir(&self.cwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

/// Ends a process and all that it started, after giving it time to end by itself.
async fn end(child: &mut Child, wanted: bool) -> String {
    let group =
        child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    let farewell = if wanted { FAREWELL } else { Duration::from_millis(200) };
    let by_itself = tokio::time::timeout(farewell, child.wait()).await;
    if let Some(group) = group {
        let killed = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        if let Err(error) = killed {
            tracing::debug!(%error, "nothing is left of the process's group");
        }
    }
    let status = match by_itself {
        Ok(status) => status,
        Err(_) => child.wait().await,
    };
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

async fn write_lines(mut stdin: ChildStdin, mut lines: mpsc::Receiver<Bytes>) {
    while let Some(line) = lines.recv().await {
        if stdin.write_all(&line).await.is_err() || stdin.flush().await.is_err() {
            return; // the process has gone, which its watcher sees
        }
    }
}

/// Calls `receive` with each line, without its end; blank ones are passed over.
async fn read_lines(
    mut from: impl AsyncRead + Unpin,
    bytes_max: usize,
    mut receive: impl FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        let count = from.read(&mut piece).await?;
        if count == 0 {
            return Ok(());
        }
        let mut rest = piece.get(..count).unwrap_or_default();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at_checked(end).unwrap_or_default();
            buffer.extend_from_slice(line);
            if !buffer.trim_ascii().is_empty() {
                receive(&buffer);
            }
            buffer.clear();
            rest = after.get(1..).unwrap_or_default();
        }
        buffer.extend_from_slice(rest);
        if buffer.len() > bytes_max {
            return Err(std::io::Error::other(format!("a line is longer than {bytes_max} bytes")));
        }
    }
}

/// Passes what a process says on standard error on to the operator's log.
async fn log_lines(server: Arc<str>, mut stderr: impl AsyncRead + Unpin) {
    let logged = read_lines(&mut stderr, LOGGED_BYTES_MAX * 256, |line| {
        let shown = String::from_utf8_lossy(line.get(..LOGGED_BYTES_MAX).unwrap_or(line));
        let cut = if line.len() > LOGGED_BYTES_MAX { " (cut)" } else { "" };
        tracing::info!(%server, "{shown}{cut}");
    });
    if let Err(error) = logged.await {
        tracing::warn!(%server, "its standard error is no longer logged: {error}");
        // It must still be read, or the process would stand still when the pipe is full.
        drop(tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await);
    }
}
