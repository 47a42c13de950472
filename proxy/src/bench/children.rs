//! The processes of a benchmark: this program again, in other roles. They end with it.

use super::cases::AGENT_KEY;
use super::stamped;
use crate::config::KeyHash;
use crate::standin::recording::Recordings;
use crate::standin::{airline, provider};
use bytes::Bytes;
use clap::ValueEnum;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};

/// What a process of the benchmark does, when it is not the one that measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// Answers: as a provider and an airline with fixed answers, as both with recorded ones, and
    /// with stamped streams.
    Standin,
    /// Passes on, and does nothing else.
    Bare,
}

/// How large the fixed answers are: of the provider, in bytes and chunks, and of the airline.
const FIXED: (provider::Fixed, usize) =
    (provider::Fixed { answer_bytes: 1024, chunk_count: 200 }, 512);

/// Stand-ins for everything upstream; tells their addresses on `out`, and serves until the input
/// ends.
pub async fn stand_in(recordings: Recordings, out: &mut dyn Write) -> io::Result<()> {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let recordings = Arc::new(recordings);
    let (fixed, fixed_bytes) = (Some(FIXED.0), Some(FIXED.1));
    let of_provider = provider::Options { fixed, ..provider::Options::default() };
    let of_airline = airline::Options { fixed_bytes, ..airline::Options::default() };
    let fixed_provider = provider::start(anywhere, Arc::clone(&recordings), of_provider).await?;
    let fixed_airline = airline::start(anywhere, Arc::clone(&recordings), of_airline).await?;
    let recorded = provider::Options::default();
    let recorded_provider = provider::start(anywhere, Arc::clone(&recordings), recorded).await?;
    let recorded_airline =
        airline::start(anywhere, recordings, airline::Options::default()).await?;
    let stamped = stamped::start().await?;
    for (name, address) in [
        ("provider", fixed_provider.addr()),
        ("tools", fixed_airline.addr()),
        ("recorded-provider", recorded_provider.addr()),
        ("recorded-tools", recorded_airline.addr()),
        ("stamped", stamped),
    ] {
        announce(name, address, out)?;
    }
    until_input_ends().await
}

/// Tells an address in the way that [`Process::start`] understands.
pub fn announce(name: &str, address: SocketAddr, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{name} http://{address}")?;
    out.flush()
}

/// Returns when the process that started this one is gone.
pub async fn until_input_ends() -> io::Result<()> {
    let read = || io::copy(&mut io::stdin(), &mut io::sink());
    tokio::task::spawn_blocking(read).await?.map(drop)
}

/// A process of the benchmark; ends when dropped.
pub struct Process {
    child: Child,
    addresses: BTreeMap<String, SocketAddr>,
    /// Kept open, so that the process can say more.
    _said: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts this program with these arguments, and waits until it has told the addresses of these
    /// names.
    pub async fn start(arguments: &[String], names: &[&str]) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        let mut said = BufReader::new(output).lines();
        let mut addresses = BTreeMap::new();
        while !names.iter().all(|name| addresses.contains_key(*name)) {
            let line = said.next_line().await?.ok_or_else(|| {
                io::Error::other(format!("`{}` ended early", arguments.join(" ")))
            })?;
            if let Some((name, address)) = address(&line) {
                addresses.insert(name, address);
            }
        }
        Ok(Self { child, addresses, _said: said })
    }

    /// Ends it, and waits until it has.
    pub async fn stop(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// The address that was told for this name.
    pub fn address(&self, name: &str) -> io::Result<SocketAddr> {
        let known = self.addresses.get(name).copied();
        known.ok_or_else(|| io::Error::other(format!("`{name}` has told no address")))
    }

    /// A figure of `/proc/…/status` in KiB, such as `VmRSS`; 0 where the system has none.
    pub fn memory_kib(&self, figure: &str) -> u64 {
        let Some(id) = self.child.id() else { return 0 };
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
    }

    /// Processor time that its threads have taken so far, in microseconds.
    pub fn processor_us(&self) -> f64 {
        let Some(id) = self.child.id() else { return 0.0 };
        let Ok(tasks) = std::fs::read_dir(format!("/proc/{id}/task")) else { return 0.0 };
        let nanos = tasks.filter_map(|task| {
            let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<f64>().ok()
        });
        nanos.sum::<f64>() / 1e3
    }

    /// The gateway's counters now.
    pub async fn counters(&self) -> io::Result<Counters> {
        let stream = TcpStream::connect(self.address("people")?).await?;
        let text = get(stream, "/metrics").await.map_err(io::Error::other)?;
        Ok(Counters(text))
    }
}

async fn get(stream: TcpStream, path: &str) -> Result<String, hyper::Error> {
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    // It ends with the answer.
    drop(tokio::spawn(connection));
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = path.parse().unwrap_or_default();
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    let body = sender.send_request(request).await?.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into())
}

/// What a gateway counted.
#[derive(Clone, Debug)]
pub struct Counters(String);

impl Counters {
    /// The counter of this name, without `countersign_`; 0 if there is none.
    pub fn read(&self, name: &str) -> f64 {
        let line = self.0.lines().find_map(|line| {
            line.strip_prefix("countersign")?
                .strip_prefix('_')?
                .strip_prefix(name)?
                .strip_prefix(' ')
        });
        line.and_then(|value| value.parse().ok()).unwrap_or_default()
    }
}

/// The upstreams of a gateway.
#[derive(Clone, Copy, Debug)]
pub struct Upstreams {
    /// The provider.
    pub provider: SocketAddr,
    /// The tool server.
    pub tools: SocketAddr,
    /// The provider of the model `stamped`.
    pub stamped: SocketAddr,
}

/// Starts a gateway that keeps everything in `folder`.
pub async fn gateway(folder: &Path, upstreams: Upstreams, relaxed: bool) -> io::Result<Process> {
    std::fs::create_dir_all(folder)?;
    let file = folder.join("countersign.toml");
    std::fs::write(&file, configuration(upstreams, relaxed))?;
    let arguments = ["serve", "--config", &file.display().to_string()].map(str::to_owned);
    Process::start(&arguments, &["agents", "people"]).await
}

fn configuration(upstreams: Upstreams, relaxed: bool) -> String {
    let Upstreams { provider, tools, stamped } = upstreams;
    let durability = if relaxed { "relaxed" } else { "synced" };
    let key_hash = KeyHash::of(AGENT_KEY);
    format!(
        r#"data = "data"

[listen]
agents = "127.0.0.1:0"
people = "127.0.0.1:0"

[limits]
header_timeout = "1h"
idle_timeout = "1h"

[ledger]
durability = "{durability}"

[[model]]
name = "standin"
dialect = "openai"
url = "http://{provider}/v1"

[[model]]
name = "stamped"
dialect = "openai"
url = "http://{stamped}/v1"
serves = ["stamped"]

[[tools]]
name = "airline"
url = "http://{tools}/mcp"

[[agent]]
name = "bench"
owner = "bench@example.com"
key_hash = "{key_hash}"
models = ["*"]
tools = ["*"]
"#
    )
}

fn address(line: &str) -> Option<(String, SocketAddr)> {
    let (name, rest) = line.split_once(char::is_whitespace)?;
    let address = rest.trim().strip_prefix("http://")?.parse().ok()?;
    Some((name.to_owned(), address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, look_up};

    #[test]
    fn the_benchmarks_gateways_are_configured_as_operators_would() {
        let address = SocketAddr::from(([127, 0, 0, 1], 9000));
        let upstreams = Upstreams { provider: address, tools: address, stamped: address };
        for (relaxed, warnings) in [(false, 0), (true, 1)] {
            let text = configuration(upstreams, relaxed);
            let loaded = Config::parse(&text, Path::new("bench.toml"), &look_up);
            assert_eq!(loaded.unwrap().warnings.len(), warnings);
        }
    }

    #[test]
    fn addresses_are_read_from_what_serve_says() {
        let told = SocketAddr::from(([127, 0, 0, 1], 8080));
        assert_eq!(address("agents   http://127.0.0.1:8080"), Some(("agents".into(), told)));
        assert_eq!(address("ledger   data (0 events)"), None);
    }
}
