//! `countersign serve`: the gateway in the foreground, until a signal stops it.

use super::foreground::{Signals, block_on};
use super::role::Role;
use super::{CommandError, approvals_role, telemetry, witness};
use crate::config::{Config, Loaded, look_up};
use crate::gateway::{Gateway, GatewayError};
use ledger::sealer::LostLock;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What this process is for; each role has a configuration file of its own kind.
    #[arg(long, value_enum, default_value_t = Role::Gateway)]
    role: Role,
    /// The configuration file; `countersign.toml`, or of another role `approvals.toml` or
    /// `witness.toml`, if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept, instead of what the configuration says.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Go on although the lock that keeps the last checkpoint is empty: it was lost.
    #[arg(long)]
    accept_lost_lock: bool,
}

/// The configuration that is read when none is named.
pub(super) const DEFAULT_FILE: &str = "countersign.toml";

/// Serves until SIGINT or SIGTERM, then lets calls finish.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    telemetry::start();
    let lost_lock = if args.accept_lost_lock { LostLock::Accept } else { LostLock::Refuse };
    let (config, data) = (args.config.as_deref(), args.data.as_deref());
    match args.role {
        Role::Gateway => {}
        Role::Approvals => return approvals_role::run(config, data, lost_lock, out),
        Role::Witness => return witness::run(config, data, out),
    }
    let loaded = configuration(args.config.as_deref(), args.data.as_deref())?;
    for warning in &loaded.warnings {
        writeln!(out, "{warning}")?;
    }
    let data = loaded.config.data.clone();
    block_on(async {
        let gateway = Gateway::start(loaded, lost_lock).await?;
        // Whoever reads the announcement may ask it to stop at once.
        let signals = Signals::listen()?;
        announce(&gateway, &data, out)?;
        until_stopped(gateway, signals, out).await
    })
}

/// The configuration that is named or found, with this data folder if one is named.
pub(super) fn configuration(
    named: Option<&Path>,
    data: Option<&Path>,
) -> Result<Loaded, CommandError> {
    let mut loaded = load(named)?;
    if let Some(data) = data {
        loaded.config.data = data.into();
    }
    Ok(loaded)
}

fn load(named: Option<&Path>) -> Result<Loaded, CommandError> {
    let path = named.unwrap_or_else(|| Path::new(DEFAULT_FILE));
    if named.is_none() && !path.exists() {
        let nothing = Config::parse("", path, &look_up);
        return nothing.map_err(|problems| CommandError::Configuration(problems.to_string()));
    }
    Config::load(path, &look_up)
        .map_err(|problems| CommandError::Configuration(problems.to_string()))
}

pub(super) fn announce(
    gateway: &Gateway,
    data: &Path,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let report = &gateway.report;
    writeln!(out, "ledger   {} ({} events)", data.display(), report.found.events)?;
    if report.found.cut_bytes > 0 {
        let bytes = report.found.cut_bytes;
        writeln!(out, "         {bytes} bytes of an unacknowledged tail were cut and quarantined")?;
    }
    if report.found.lost_lock {
        writeln!(out, "         the lock with the last checkpoint was lost; that is recorded")?;
    }
    if report.in_doubt > 0 {
        let count = report.in_doubt;
        writeln!(out, "         {count} calls of the last run are in doubt, and recorded as such")?;
    }
    writeln!(out, "agents   http://{}", gateway.agents)?;
    writeln!(out, "people   http://{}", gateway.people)?;
    if let Some(link) = &gateway.first_link {
        writeln!(
            out,
            "         nobody can sign in yet; the first administrator chooses a password at"
        )?;
        writeln!(out, "         {link}")?;
    }
    out.flush()?;
    Ok(())
}

/// Waits for a signal or for the ledger's failure, then stops in order.
pub(super) async fn until_stopped(
    gateway: Gateway,
    mut signals: Signals,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let reason = tokio::select! {
        reason = signals.asked() => reason,
        failure = gateway.failed() => {
            // Nothing more can be recorded, so nothing more is done; a restart recovers.
            gateway.give_up();
            return Err(CommandError::Io(format!("{failure}; restart to recover")));
        }
    };
    writeln!(out, "{reason}: letting calls finish")?;
    out.flush()?;
    let drained = gateway.stop(reason).await?;
    let how = if drained { "stopped" } else { "stopped; calls that did not end are in doubt" };
    writeln!(out, "{how}")?;
    Ok(())
}

impl From<GatewayError> for CommandError {
    fn from(error: GatewayError) -> Self {
        Self::Io(error.to_string())
    }
}
