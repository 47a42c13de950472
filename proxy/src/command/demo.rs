//! `countersign demo`: the whole product on one machine, with recorded agents.

use super::CommandError;
use std::io::Write;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Plays the recorded sessions.
pub fn run(_: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    writeln!(out, "")?;
    Ok(())
}
