//! `countersign keygen`: a key for an agent, a witness or a log.

use super::CommandError;
use crate::config::KeyHash;
use crate::keys::random;
use std::fmt::Write as _;
use std::io::Write;
use tlog::{
    VerifierKey, cosigning_key_text, parse_cosigning_key, parse_private_key, private_key_text,
};

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
    let wrong = |error: tlog::KeyError| CommandError::Usage(error.to_string());
    if let Some(name) = &args.witness {
        let text = cosigning_key_text(name, &random()?).map_err(wrong)?;
        let key = parse_cosigning_key(&text).map_err(wrong)?;
        return show(&text, key.verifier(), ("[witness]", "[[witness]]"), out);
    }
    if let Some(origin) = &args.log {
        let text = private_key_text(origin, &random()?).map_err(wrong)?;
        let key = parse_private_key(&text).map_err(wrong)?;
        return show(&text, key.verifier(), ("[checkpoints]", "[[witness.log]]"), out);
    }
    let key = key()?;
    writeln!(out, "key       {key}")?;
    writeln!(out, "key_hash  {}", KeyHash::of(&key))?;
    writeln!(out, "\nGive the key to the agent, and put the hash into the configuration:")?;
    writeln!(out, "  [[agent]]\n  key_hash = \"{}\"", KeyHash::of(&key))?;
    Ok(())
}

/// Shows a pair of keys, and the sections that want the one and the other.
fn show(
    text: &str,
    key: &VerifierKey,
    (owner, others): (&str, &str),
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    writeln!(out, "private key   {text}")?;
    writeln!(out, "verifier key  {key}")?;
    writeln!(
        out,
        "\nKeep the private key in a file, and name that in the configuration of its owner:"
    )?;
    writeln!(out, "  {owner}\n  key = {{ file = \"…\" }}")?;
    writeln!(out, "\nGive the verifier key to those who rely on it:")?;
    writeln!(out, "  {others}\n  key = \"{key}\"")?;
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
