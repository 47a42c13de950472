//! The program `countersign`: reads the command line, runs one command, says how it ended.

use clap::Parser as _;
use proxy::command::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    proxy::command::run(Cli::parse())
}
