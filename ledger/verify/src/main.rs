//! `ledger-verify`: the auditor's program. Exit codes: 0 verified, 1 findings, 64 usage, 74 the
//! evidence cannot be read.

use clap::Parser;
use clap::error::ErrorKind;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use verify::{Report, Silent, SourceError, Subject, Trust, read_given, read_policy};

const FINDINGS: u8 = 1;
const USAGE: u8 = 64;
const UNREADABLE: u8 = 74;

/// Verifies a log of Countersign, or evidence exported from one, without trusting who runs it.
#[derive(Parser)]
#[command(name = "ledger-verify", version)]
struct Arguments {
    /// The log's key, as `<name>+<id>+<key>`.
    #[arg(long, conflicts_with = "policy")]
    vkey: Option<String>,
    /// A file that says which logs and witnesses to believe (c2sp.org/tlog-policy).
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A checkpoint of the log that you have kept: the log must go on from it.
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// Writes the report as JSON.
    #[arg(long)]
    json: bool,
    /// A log's directory or URL, a gateway's data directory, or an export.
    #[arg(value_name = "PATH|URL")]
    subject: String,
}

enum Failure {
    Usage(String),
    Source(SourceError),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let shown = error.print();
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            return if asked && shown.is_ok() { ExitCode::SUCCESS } else { ExitCode::from(USAGE) };
        }
    };
    let (message, code) = match run(&arguments) {
        Ok(reports) => match write(&reports, arguments.json) {
            Ok(()) if reports.iter().all(Report::is_verified) => return ExitCode::SUCCESS,
            Ok(()) => return ExitCode::from(FINDINGS),
            Err(error) => (format!("the report cannot be written: {error}"), UNREADABLE),
        },
        Err(Failure::Usage(message)) => (message, USAGE),
        Err(Failure::Source(error)) => (error.to_string(), UNREADABLE),
    };
    // Where nothing can be said, the code says it.
    drop(writeln!(io::stderr(), "error: {message}"));
    ExitCode::from(code)
}

fn run(arguments: &Arguments) -> Result<Vec<Report>, Failure> {
    let policy = match (&arguments.vkey, &arguments.policy) {
        (Some(key), _) => Some(read_policy(key.as_bytes())),
        (None, Some(file)) => Some(read_policy(&read_given(file).map_err(Failure::Source)?.1)),
        (None, None) => None,
    };
    let policy = policy.transpose().map_err(|error| Failure::Usage(error.to_string()))?;
    let known = arguments.known.iter().map(|file| read_given(file)).collect::<Result<_, _>>();
    let known = known.map_err(Failure::Source)?;
    let trust = Trust { policy, known };
    let subject = Subject::find(&arguments.subject).map_err(Failure::Source)?;
    subject.verify(&trust, &mut Silent).map_err(Failure::Source)
}

fn write(reports: &[Report], json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        let reports: Vec<_> = reports.iter().map(Report::document).collect();
        serde_json::to_writer_pretty(&mut out, &reports)?;
        writeln!(out)?;
    } else {
        reports.iter().try_for_each(|report| write!(out, "{report}"))?;
    }
    out.flush()
}
