//! The program `countersign`: reads the command line, runs one command, says how it ended.

use clap::Parser as _;
use proxy::command::{self, Cli};
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => command::run(cli),
        Err(error) => command::explain(&error),
    }
}
