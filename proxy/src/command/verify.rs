//! `countersign verify`: what the auditor's program checks, and beyond it the ledger's own segments
//! and payloads.

mod bar;

mod stored;

use super::CommandError;
use super::records::Place;
use crate::custody::{LEDGER_FOLDER, SHARD_PATH, TLOG_FOLDER};
use bar::Bar;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use stored::StoredLedger;
use verify::{Report, SourceError, Subject, Trust, read_given, read_policy, verify};

/// How often a ledger is read that a gateway erases from meanwhile.
const TIMES_MAX: u32 = 3;

/// How long the next checkpoint of a gateway is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Verifies a ledger, a log or an export.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// A gateway's data folder, a log's folder or URL, or an export.
    #[arg(value_name = "PATH|URL", default_value = "./data")]
    what: String,
    /// The log's key, got elsewhere: `<name>+<id>+<key>`.
    #[arg(long, value_name = "VKEY", conflicts_with = "policy")]
    key: Option<String>,
    /// A file that says which logs and witnesses to believe (tlog-policy).
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A checkpoint that you have kept: the log must go on from it. May be said several times.
    #[arg(long, value_name = "FILE")]
    known: Vec<PathBuf>,
    /// The gateway's configuration, for the keys of payloads that are not in the data folder.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Leave payloads unread.
    #[arg(long)]
    no_payloads: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Verifies, and prints a report. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let trust = trust(args)?;
    let mut bar = Bar::new();
    let folder = Path::new(&args.what);
    // A ledger that was taken away must not pass as a log without one.
    let has = |name| folder.join(name).is_dir();
    let reports = if has(LEDGER_FOLDER) || has(TLOG_FOLDER) {
        vec![stored(args, folder, &trust, &mut bar)?]
    } else {
        let subject = Subject::find(&args.what).map_err(|error| unreadable(&error))?;
        subject.verify(&trust, &mut bar).map_err(|error| unreadable(&error))?
    };
    bar.end();
    if args.json {
        let documents: Vec<_> = reports.iter().map(Report::document).collect();
        let text = serde_json::to_string_pretty(&documents);
        writeln!(out, "{}", text.map_err(|error| CommandError::Io(error.to_string()))?)?;
    } else {
        reports.iter().try_for_each(|report| write!(out, "{report}"))?;
    }
    out.flush()?;
    if reports.iter().all(Report::is_verified) {
        return Ok(());
    }
    Err(CommandError::CheckFailed("the verification found what the report above says".to_owned()))
}

fn unreadable(error: &SourceError) -> CommandError {
    CommandError::Io(error.to_string())
}

fn trust(args: &Args) -> Result<Trust, CommandError> {
    let given = |path: &PathBuf| read_given(path).map_err(|error| unreadable(&error));
    let policy = match (&args.key, &args.policy) {
        (Some(key), _) => Some(read_policy(key.as_bytes())),
        (None, Some(path)) => Some(read_policy(&given(path)?.1)),
        (None, None) => None,
    };
    let policy = policy.transpose().map_err(|error| CommandError::Usage(error.to_string()))?;
    let known = args.known.iter().map(given).collect::<Result<_, _>>()?;
    Ok(Trust { policy, known })
}

/// Verifies a ledger from its own segments and payloads, and that its log's files say the same.
fn stored(args: &Args, data: &Path, trust: &Trust, bar: &mut Bar) -> Result<Report, CommandError> {
    let place = Place { data: Some(data.into()), config: args.config.clone(), url: None };
    let mut times = 1;
    loop {
        let (reader, keys) = place.open_stored()?;
        let log = data.join(TLOG_FOLDER).join(SHARD_PATH);
        let keys = if args.no_payloads { None } else { Some(keys.map_err(CommandError::Io)?) };
        let ledger = StoredLedger::new(reader, keys, log);
        let mut report = verify(&ledger, trust, bar).map_err(|error| unreadable(&error))?;
        // A gateway that goes on may erase meanwhile; its next checkpoint signs what says so.
        if times < TIMES_MAX && ledger.is_overtaken(PATIENCE) {
            times += 1;
            continue;
        }
        ledger.tell(&mut report);
        return Ok(report);
    }
}
