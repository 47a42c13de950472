//! The commands of the program, one module each.

mod telemetry;

mod remote;

mod records;

mod pause;

mod role;

mod events;

mod keygen;

mod foreground;

mod witness;

mod approvals_role;

mod serve;

mod candidate;

mod check;

mod decision_words;

mod history;

mod policy;

mod replay;

mod who;

mod desk;

mod approvals;

mod people;

mod agents;

mod erase;

mod legal_hold;

mod export;

mod trace;

mod verify;

mod demo;

mod bench;

#[cfg(test)]
mod tests;

use clap::{Parser, Subcommand};
use std::io::{self, Write as _};
use std::process::ExitCode;

/// An audit-first gateway between AI agents, model providers and MCP tool servers.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway, with the embedded ledger unless configured otherwise; or the service where
    /// people decide, or a witness.
    Serve(serve::Args),
    /// Run the gateway with stand-in upstreams and play recorded agent sessions through it.
    Demo(demo::Args),
    /// Check a configuration and its policies, and show what they mean.
    Check(check::Args),
    /// Read the ledger, and follow it as it grows.
    Events(events::Args),
    /// Draw a session: person, agent, model calls, and the tool calls that they caused.
    Trace(trace::Args),
    /// Verify a ledger, a log or exported evidence, without trusting who runs it.
    Verify(verify::Args),
    /// Hand out evidence that others can verify; the export is recorded first.
    Export(export::Args),
    /// Erase payloads of a session, of a person, or by age; events and proofs stay.
    Erase(erase::Args),
    /// Keep payloads from being erased, for as long as a matter needs them.
    LegalHold(legal_hold::Args),
    /// See calls that wait for people, and vote on them.
    Approvals(approvals::Args),
    /// See who is known, invite people, and stop them.
    People(people::Args),
    /// Stop agents, and let them in again.
    Agents(agents::Args),
    /// Write policies to start with, or ask policies about a call.
    Policy(policy::Args),
    /// Decide recorded calls anew, by policies that are not in force, and show what would change.
    Replay(replay::Args),
    /// Make a key: for an agent, for a witness or for a log; with what configurations want of it.
    Keygen(keygen::Args),
    /// Measure what the gateway costs on this machine.
    Bench(bench::Args),
}

/// The exit code of a wrong command line (sysexits.h).
const USAGE: u8 = 64;

/// How a command failed, by exit code (sysexits.h).
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// 0: whoever reads the output has seen enough and closed it.
    #[error("the output was closed")]
    Closed,
    /// 1: a check found something.
    #[error("{0}")]
    CheckFailed(String),
    /// 64: the command line asks for something that there is not.
    #[error("{0}")]
    Usage(String),
    /// 74: reading or writing failed.
    #[error("{0}")]
    Io(String),
    /// 78: the configuration is wrong.
    #[error("{0}")]
    Configuration(String),
}

impl CommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::CheckFailed(_) => 1,
            Self::Usage(_) => USAGE,
            Self::Io(_) => 74,
            Self::Configuration(_) => 78,
        }
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            Self::Io(error.to_string())
        }
    }
}

/// Says what is wrong with the command line, or what it asked to know about it.
pub fn explain(error: &clap::Error) -> ExitCode {
    // Where the output is closed there is nobody left to tell.
    drop(error.print());
    if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

/// Runs the command, and writes what went wrong to standard error.
pub fn run(cli: Cli) -> ExitCode {
    let mut out = io::stdout();
    let ended = match cli.command {
        Command::Serve(args) => serve::run(&args, &mut out),
        Command::Demo(args) => demo::run(&args, &mut out),
        Command::Check(args) => check::run(&args, &mut out),
        Command::Events(args) => events::run(&args, &mut out),
        Command::Trace(args) => trace::run(&args, &mut out),
        Command::Verify(args) => verify::run(&args, &mut out),
        Command::Export(args) => export::run(&args, &mut out),
        Command::Erase(args) => erase::run(&args, &mut out),
        Command::LegalHold(args) => legal_hold::run(&args, &mut out),
        Command::Approvals(args) => approvals::run(&args, &mut out),
        Command::People(args) => people::run(&args, &mut out),
        Command::Agents(args) => agents::run(&args, &mut out),
        Command::Policy(args) => policy::run(&args, &mut out),
        Command::Replay(args) => replay::run(&args, &mut out),
        Command::Keygen(args) => keygen::run(&args, &mut out),
        Command::Bench(args) => bench::run(&args, &mut out),
    };
    match ended.and_then(|()| out.flush().map_err(Into::into)) {
        Ok(()) | Err(CommandError::Closed) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed there is nobody left to tell.
            drop(writeln!(io::stderr(), "countersign: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}
