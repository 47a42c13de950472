//! Why a command did not do what was asked, and the exit code that says so.

use std::io;
use std::process::ExitCode;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// It was asked for something that there is not.
    #[error("{0}")]
    Usage(String),
    /// Something could not be read.
    #[error("{0}")]
    Read(String),
    /// Its output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl CommandError {
    /// The exit code. Source: `sysexits.h`.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(64),
            Self::Read(_) | Self::Output(_) => ExitCode::from(74),
        }
    }
}

/// A reader that has seen enough closes the pipe; that is no failure.
pub(super) fn unless_closed(done: Result<(), CommandError>) -> Result<ExitCode, CommandError> {
    match done {
        Err(CommandError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            Ok(ExitCode::SUCCESS)
        }
        other => other.map(|()| ExitCode::SUCCESS),
    }
}
