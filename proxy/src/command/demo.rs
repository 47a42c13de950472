//! `countersign demo`: the whole product on one machine, with recorded agents.

use super::CommandError;
use std::io::Write;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Plays the recorded sessions.
pub(super) fn run(_: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    out.flush()?;
    Ok(())
}
