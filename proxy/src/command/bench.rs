//! `countersign bench`: what the gateway costs on this machine, beside the direct path and a proxy
//! that does nothing.

use super::CommandError;
use super::foreground::runtime;
use crate::bench::cases::Case;
use crate::bench::children::{
    Process, Role, Upstreams, announce, gateway, stand_in, until_input_ends,
};
use crate::bench::report::Report;
use crate::bench::rounds::{MeasureError, Scene};
use crate::bench::{bare, delays, disk, sessions};
use crate::standin::recording::Recordings;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How long each way is loaded in each of three rounds.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.7)]
    seconds: f64,
    /// Numbers of connections, each with one call under way.
    #[arg(long, value_delimiter = ',', value_name = "N,…", default_value = "1,16,64,256")]
    connections: Vec<usize>,
    /// The calls to measure; all of them, streams and sessions too, unless named.
    #[arg(long, value_delimiter = ',', value_name = "CASE,…")]
    cases: Vec<Case>,
    /// Write what was found as JSON.
    #[arg(long)]
    json: bool,
    /// A folder on the disk to measure; what is made there is removed at the end.
    #[arg(long, value_name = "DIR", default_value = ".")]
    data: PathBuf,
    /// A file of recorded sessions to play, instead of the twelve in this program.
    #[arg(long, value_name = "FILE")]
    recordings: Option<PathBuf>,
    /// What this process does for another that measures.
    #[arg(long, hide = true)]
    role: Option<Role>,
    /// Where the bare proxy passes things on to: provider and tools.
    #[arg(long, hide = true, value_delimiter = ',')]
    upstream: Vec<SocketAddr>,
}

/// Measures, or plays a part in another's measurement.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    match args.role {
        Some(Role::Standin) => runtime()?.block_on(stand_in(recordings(args)?, out))?,
        Some(Role::Bare) => runtime()?.block_on(pass_on(args, out))?,
        None => {
            // One thread makes the load, so that it leaves the processors to what it measures.
            let mut one_thread = tokio::runtime::Builder::new_current_thread();
            let report = one_thread.enable_all().build()?.block_on(measure(args))?;
            if args.json {
                let text = serde_json::to_string_pretty(&report);
                writeln!(out, "{}", text.map_err(std::io::Error::other)?)?;
            } else {
                report.print(out)?;
            }
        }
    }
    Ok(())
}

fn recordings(args: &Args) -> Result<Recordings, CommandError> {
    let recordings = match &args.recordings {
        Some(path) => Recordings::from_file(path),
        None => Recordings::embedded(),
    };
    recordings.map_err(|error| CommandError::Io(error.to_string()))
}

async fn pass_on(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let [provider, tools] = args.upstream[..] else {
        return Err(CommandError::Usage("`--upstream` takes two addresses".into()));
    };
    announce("bare", bare::start(provider, tools).await?, out)?;
    Ok(until_input_ends().await?)
}

/// A folder that is removed when it is dropped.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a folder could not be removed");
        }
    }
}

async fn measure(args: &Args) -> Result<Report, CommandError> {
    let folder = args.data.join(format!("countersign-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let scratch = Scratch(folder);
    let recordings = Arc::new(recordings(args)?);
    let standin = standin(args).await?;
    let scene = scene(&scratch.0, &standin).await?;
    let syncs = disk::measure(&scratch.0)?;
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION"),
        processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        sync_us: syncs.busy_us,
        rested_sync_us: syncs.rested_us,
        rows: Vec::new(),
        delays: None,
        sessions: None,
        memory_peak_kib: 0,
        skipped: Vec::new(),
        goals: Vec::new(),
    };
    calls(args, &scene, &mut report).await?;
    if args.cases.is_empty() {
        report.delays = Some(delays::measure(&scene).await?);
        let folder = scratch.0.join("sessions");
        report.sessions = Some(sessions::measure(&folder, &standin, recordings).await?);
    }
    report.memory_peak_kib = scene.gateway.memory_kib("VmHWM");
    let Scene { bare, gateway, relaxed, .. } = scene;
    for process in [bare, gateway, relaxed, standin] {
        process.stop().await?;
    }
    let syncs = syncs.least(disk::measure(&scratch.0)?);
    (report.sync_us, report.rested_sync_us) = (syncs.busy_us, syncs.rested_us);
    report.judge();
    Ok(report)
}

async fn calls(args: &Args, scene: &Scene, report: &mut Report) -> Result<(), CommandError> {
    let slot = Duration::try_from_secs_f64(args.seconds)
        .map_err(|error| CommandError::Usage(format!("`--seconds {}`: {error}", args.seconds)))?;
    let cases = if args.cases.is_empty() { &Case::ALL[..] } else { &args.cases };
    for case in cases {
        if let Err(error) = scene.serves(*case).await {
            report.skipped.push(format!("{}: {error}", case.title()));
            continue;
        }
        for connections in &args.connections {
            report.rows.push(scene.measure(*case, *connections, slot).await?);
        }
    }
    Ok(())
}

async fn standin(args: &Args) -> Result<Process, CommandError> {
    let mut arguments = ["bench", "--role", "standin"].map(str::to_owned).to_vec();
    if let Some(file) = &args.recordings {
        arguments.extend(["--recordings".to_owned(), file.display().to_string()]);
    }
    let names = ["provider", "tools", "recorded-provider", "recorded-tools", "stamped"];
    Ok(Process::start(&arguments, &names).await?)
}

async fn scene(folder: &Path, standin: &Process) -> Result<Scene, CommandError> {
    let upstreams = Upstreams {
        provider: standin.address("provider")?,
        tools: standin.address("tools")?,
        stamped: standin.address("stamped")?,
    };
    let both = format!("{},{}", upstreams.provider, upstreams.tools);
    let arguments = ["bench", "--role", "bare", "--upstream", &both].map(str::to_owned);
    Ok(Scene {
        upstreams,
        bare: Process::start(&arguments, &["bare"]).await?,
        gateway: gateway(&folder.join("durable"), upstreams, false).await?,
        relaxed: gateway(&folder.join("relaxed"), upstreams, true).await?,
    })
}

impl From<MeasureError> for CommandError {
    fn from(error: MeasureError) -> Self {
        match error {
            MeasureError::Io(error) => error.into(),
            MeasureError::Load { .. } => Self::CheckFailed(error.to_string()),
        }
    }
}
