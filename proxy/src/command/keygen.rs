//! `countersign keygen`: a key for an agent, a witness or a log.

use super::CommandError;
use crate::config::KeyHash;
use crate::seed::Seed;
use std::fmt::Write as _;
use std::io::Write;
use tlog::{CosigningKey, SigningKey, VerifierKey};

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Make the key of a witness of this name instead.
    #[arg(long, value_name = "NAME", conflicts_with = "log")]
    witness: Option<String>,
    /// Make the key of a log of this origin instead.
    #[arg(long, value_name = "ORIGIN")]
    log: Option<String>,
}

/// Prints a new random key of 256 bits, and what others are to know of it.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let seed = Seed::random()?;
    let wrong = |error: tlog::KeyError| CommandError::Usage(error.to_string());
    if let Some(name) = &args.witness {
        let key = CosigningKey::from_seed(name, seed.expose()).map_err(wrong)?;
        let keeper = "the file that `key` in `[witness]` names";
        return show(&seed, key.verifier(), (keeper, "[[witness]]"), out);
    }
    if let Some(origin) = &args.log {
        let key = SigningKey::from_seed(origin, seed.expose()).map_err(wrong)?;
        let keeper = "the file that keeps the key of the log";
        return show(&seed, key.verifier(), (keeper, "[[witness.log]]"), out);
    }
    let key = key()?;
    writeln!(out, "key       {key}")?;
    writeln!(out, "key_hash  {}", KeyHash::of(&key))?;
    writeln!(out, "\nGive the key to the agent, and put the hash into the configuration:")?;
    writeln!(out, "  [[agent]]\n  key_hash = \"{}\"", KeyHash::of(&key))?;
    Ok(())
}

fn show(
    seed: &Seed,
    key: &VerifierKey,
    (keeper, section): (&str, &str),
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    writeln!(out, "seed  {}", seed.text())?;
    writeln!(out, "vkey  {key}")?;
    writeln!(
        out,
        "\nPut the seed, which is secret, into {keeper}; whoever verifies needs the vkey:"
    )?;
    writeln!(out, "  {section}\n  key = \"{key}\"")?;
    Ok(())
}

/// A new random key.
pub(super) fn key() -> Result<String, CommandError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|error| CommandError::Io(format!("no random bytes from the system: {error}")))?;
    let mut key = String::from("cs_");
    for byte in random {
        // Writing to a string cannot fail.
        let _infallible = write!(key, "{byte:02x}");
    }
    Ok(key)
}
