//! `countersign policy`: policies to start with, and what policies say of a call.

mod init;

mod explain;

use super::CommandError;
use std::io::Write;

/// Works on policies.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Write policies to start with into a new file.
    Init(init::Args),
    /// Ask policies about a call that nobody makes.
    Explain(Box<explain::Args>),
}

/// Does what is asked. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    match &args.what {
        What::Init(args) => init::run(args, out),
        What::Explain(args) => explain::run(args, out),
    }
}
