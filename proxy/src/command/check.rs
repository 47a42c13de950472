//! `countersign check`: what a configuration means, or everything that is wrong with it.

use super::CommandError;
use crate::config::{Config, describe, look_up};
use std::io::Write;
use std::path::PathBuf;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "countersign.toml")]
    config: PathBuf,
}

/// Reads the configuration as `serve` would, and starts nothing.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let loaded = Config::load(&args.config, &look_up)
        .map_err(|problems| CommandError::Configuration(problems.to_string()))?;
    for warning in &loaded.warnings {
        writeln!(out, "{warning}")?;
    }
    write!(out, "{}", describe(&loaded.config))?;
    Ok(())
}
