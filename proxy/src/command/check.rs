//! `countersign check`: what a configuration and its policies mean, or everything that is wrong
//! with them.

use super::role::Role;
use super::{CommandError, candidate};
use crate::catalogue::Catalogue;
use crate::config::{
    ApprovalsRole, Config, Problems, WitnessRole, describe, describe_approvals, describe_witness,
    look_up,
};
use crate::rules::Rules;
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

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
    let (described, warnings) = match args.role {
        Role::Gateway => {
            let loaded =
                Config::load(&args.config, &look_up).map_err(|problems| wrong(&problems))?;
            let mut described = describe(&loaded.config);
            described.push_str(&policies(loaded.config)?);
            (described, loaded.warnings)
        }
        Role::Approvals => {
            let loaded =
                ApprovalsRole::load(&args.config, &look_up).map_err(|problems| wrong(&problems))?;
            (describe_approvals(&loaded.role), loaded.warnings)
        }
        Role::Witness => {
            let (role, warnings) =
                WitnessRole::load(&args.config, &look_up).map_err(|problems| wrong(&problems))?;
            (describe_witness(&role), warnings)
        }
    };
    for warning in warnings {
        writeln!(out, "{warning}")?;
    }
    write!(out, "{described}")?;
    Ok(())
}

fn wrong(problems: &Problems) -> CommandError {
    CommandError::Configuration(problems.to_string())
}

/// What the policies are, once all of them are right.
fn policies(config: Config) -> Result<String, CommandError> {
    let mut told = String::new();
    let Some(files) = config.policy.clone() else { return Ok(told) };
    let sources = candidate::read(&files)?;
    let model = Rules::new(Arc::new(config), Arc::new(Catalogue::default())).model();
    let policies = candidate::compile(&sources, &model)?;
    let (decide, watched, files) = (policies.len(), policies.shadowed(), sources.len());
    // Writing to a string cannot fail.
    let _infallible = writeln!(
        told,
        "policies  {decide} decide and {watched} are only watched, in {files} files; digest {}",
        policies.digest()
    );
    let named: Vec<&str> = candidate::tools_named(&sources).into_iter().collect();
    if !named.is_empty() {
        let _infallible = writeln!(
            told,
            "          not known before their servers tell of them, and checked then: {}",
            named.join(", ")
        );
    }
    Ok(told)
}
