//! What a suite needs of the machine, and what happens where it is missing.

use std::process::{Command, Stdio};

/// False where something is missing and may be; says how to get it. With
/// `COUNTERSIGN_TESTS=required` it is a failure.
pub fn available(there: bool, what: &str, remedy: &str) -> bool {
    if there {
        return true;
    }
    assert!(!required(), "{what} is required here: {remedy}");
    #[expect(clippy::print_stderr, reason = "the reader must learn what was not tested")]
    {
        eprintln!("skipped for want of {what}: {remedy}");
    }
    false
}

/// Whether everything must be tested, however long it takes: `COUNTERSIGN_TESTS=required`.
pub fn required() -> bool {
    #[expect(clippy::disallowed_methods, reason = "a suite has no configuration file")]
    let asked = std::env::var("COUNTERSIGN_TESTS");
    asked.is_ok_and(|value| value == "required" || value == "exhaustive")
}

/// Whether what is tried in samples must be tried everywhere, which takes many minutes:
/// `COUNTERSIGN_TESTS=exhaustive`.
pub fn exhaustive() -> bool {
    #[expect(clippy::disallowed_methods, reason = "a suite has no configuration file")]
    let asked = std::env::var("COUNTERSIGN_TESTS");
    asked.is_ok_and(|value| value == "exhaustive")
}

/// Whether a program can be run with this argument.
pub fn runs(program: &str, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
