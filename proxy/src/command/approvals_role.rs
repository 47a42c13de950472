//! `countersign serve --role approvals`: the service where people decide, in the foreground, until
//! a signal stops it.

use super::CommandError;
use super::foreground::{Signals, block_on};
use crate::config::{ApprovalsRole, look_up};
use crate::gateway::ApprovalsService;
use ledger::sealer::LostLock;
use std::io::Write;
use std::path::Path;

/// The configuration that is read when none is named.
const DEFAULT_FILE: &str = "approvals.toml";

/// Serves until SIGINT or SIGTERM.
pub(super) fn run(
    config: Option<&Path>,
    data: Option<&Path>,
    lost_lock: LostLock,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let path = config.unwrap_or_else(|| Path::new(DEFAULT_FILE));
    let mut loaded = ApprovalsRole::load(path, &look_up)
        .map_err(|problems| CommandError::Configuration(problems.to_string()))?;
    for warning in &loaded.warnings {
        writeln!(out, "{warning}")?;
    }
    if let Some(data) = data {
        data.clone_into(&mut loaded.role.config.data);
    }
    let data = loaded.role.config.data.clone();
    let gateways = loaded.role.gateways.clone();
    block_on(async {
        let service = ApprovalsService::start(loaded, lost_lock).await?;
        // Whoever reads the announcement may ask it to stop at once.
        let signals = Signals::listen()?;
        writeln!(out, "ledger   {} ({} events)", data.display(), service.report.found.events)?;
        for gateway in &gateways {
            writeln!(out, "gateway  {} at {}", gateway.name, gateway.url)?;
        }
        writeln!(out, "people   http://{}", service.people)?;
        if let Some(link) = &service.first_link {
            let what = "nobody can sign in yet; the first administrator chooses a password at";
            writeln!(out, "         {what}\n         {link}")?;
        }
        out.flush()?;
        until_stopped(service, signals, out).await
    })
}

async fn until_stopped(
    service: ApprovalsService,
    mut signals: Signals,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let reason = tokio::select! {
        reason = signals.asked() => reason,
        failure = service.failed() => {
            // Nothing more can be recorded, so nothing more is taken; a restart recovers.
            return Err(CommandError::Io(format!("{failure}; restart to recover")));
        }
    };
    service.stop(reason).await?;
    writeln!(out, "{reason}: stopped")?;
    Ok(())
}
