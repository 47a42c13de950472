//! `countersign check`: what a configuration means, or everything that is wrong with it.

use super::CommandError;
use super::role::Role;
use crate::config::{Config, WitnessRole, describe, describe_witness, look_up};
use std::io::Write;
use std::path::PathBuf;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose configuration it is.
    #[arg(long, value_enum, default_value_t = Role::Gateway)]
    role: Role,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "countersign.toml")]
    config: PathBuf,
}

/// Reads the configuration as `serve` would, and starts nothing.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let read = match args.role {
        Role::Gateway => Config::load(&args.config, &look_up)
            .map(|loaded| (describe(&loaded.config), loaded.warnings)),
        Role::Witness => WitnessRole::load(&args.config, &look_up)
            .map(|(role, warnings)| (describe_witness(&role), warnings)),
    };
    let (described, warnings) =
        read.map_err(|problems| CommandError::Configuration(problems.to_string()))?;
    for warning in warnings {
        writeln!(out, "{warning}")?;
    }
    write!(out, "{described}")?;
    Ok(())
}
