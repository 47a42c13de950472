//! `countersign serve --role witness`: a witness in the foreground, until a signal stops it.

use super::CommandError;
use super::foreground::{Signals, block_on};
use crate::config::{WitnessRole, look_up};
use crate::witness::{OpenError, Witness, serve};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The configuration that is read when none is named.
const DEFAULT_FILE: &str = "witness.toml";

/// Serves until SIGINT or SIGTERM.
pub(super) fn run(
    config: Option<&Path>,
    data: Option<&Path>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let path = config.unwrap_or_else(|| Path::new(DEFAULT_FILE));
    let (mut role, warnings) = WitnessRole::load(path, &look_up)
        .map_err(|problems| CommandError::Configuration(problems.to_string()))?;
    for warning in &warnings {
        writeln!(out, "{warning}")?;
    }
    if let Some(data) = data {
        data.clone_into(&mut role.data);
    }
    block_on(until_stopped(role, out))
}

async fn until_stopped(role: WitnessRole, out: &mut dyn Write) -> Result<(), CommandError> {
    let witness = Arc::new(Witness::open(&role)?);
    let listener = TcpListener::bind(role.listen).await;
    let listener = listener
        .map_err(|error| CommandError::Io(format!("cannot listen on {}: {error}", role.listen)))?;
    // Whoever reads the announcement may ask it to stop at once.
    let mut signals = Signals::listen()?;
    writeln!(out, "key      {}", witness.key())?;
    for (log, size) in witness.logs() {
        let size = size.map_or("nothing cosigned yet".into(), |size| format!("{size} records"));
        writeln!(out, "log      {} ({size})", log.name())?;
    }
    writeln!(out, "witness  http://{}", listener.local_addr().unwrap_or(role.listen))?;
    out.flush()?;
    let (stop, stopping) = watch::channel(false);
    let mut serving = tokio::spawn(serve(witness, listener, stopping));
    let reason = tokio::select! {
        reason = signals.asked() => reason,
        ended = &mut serving => {
            let why = ended.map_err(|error| CommandError::Io(error.to_string()))?;
            return why.map_err(CommandError::Io);
        }
    };
    writeln!(out, "{reason}: stopped")?;
    stop.send_replace(true);
    // It ends in an error only if it had failed, and it is stopped either way.
    drop(serving.await);
    Ok(())
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        Self::Io(error.to_string())
    }
}
