//! `countersign keygen`: a key for an agent.

use super::CommandError;
use crate::config::KeyHash;
use std::fmt::Write as _;
use std::io::Write;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Prints a new random key of 256 bits, and its hash.
pub(super) fn run(_: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let key = key()?;
    writeln!(out, "key       {key}")?;
    writeln!(out, "key_hash  {}", KeyHash::of(&key))?;
    writeln!(out, "\nGive the key to the agent, and put the hash into the configuration:")?;
    writeln!(out, "  [[agent]]\n  key_hash = \"{}\"", KeyHash::of(&key))?;
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
