//! The program `countersign`: reads the command line, runs one command, says how it ended.

use clap::Parser as _;
use proxy::command::{self, Cli};
use std::process::ExitCode;
use tikv_jemallocator::Jemalloc;

#[global_allocator]
static MEMORY: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => command::run(cli),
        Err(error) => command::explain(&error),
    }
}
