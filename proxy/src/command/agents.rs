//! `countersign agents`: agents are stopped at once, and let in again.

use super::CommandError;
use super::decision_words::escaped;
use super::desk::Whose;
use super::people::{segment, sent};
use http::Method;
use serde_json::{Value, json};
use std::io::Write;

/// Stops agents, and lets them in again.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Deny every call of an agent from now on, and withdraw those that wait.
    Revoke(OneArgs),
    /// Let it in again.
    Restore(OneArgs),
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The agent.
    #[arg(value_name = "NAME")]
    agent: String,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// At which gateway.
    #[command(flatten)]
    whose: Whose,
}

/// Does what is asked. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let (args, method) = match &args.what {
        What::Revoke(args) => (args, Method::POST),
        What::Restore(args) => (args, Method::DELETE),
    };
    let is_end = method == Method::POST;
    let path = format!("/api/v1/agents/{}/revocation", segment(&args.agent)?);
    let why = json!({ "reason": args.reason });
    let answer = sent(&args.whose.gateway()?, method, &path, &why)?;
    let agent = escaped(&args.agent);
    if is_end {
        let withdrawn = answer.get("withdrawn").and_then(Value::as_u64).unwrap_or_default();
        writeln!(out, "{agent} is revoked; {withdrawn} calls that waited are withdrawn")?;
    } else if answer.get("changed").and_then(Value::as_bool).unwrap_or(true) {
        writeln!(out, "{agent} is not revoked any more")?;
    } else {
        writeln!(out, "{agent} was not revoked")?;
    }
    Ok(())
}
