//! `countersign events`: the ledger as a table, or as the exact bytes that were recorded.

use super::CommandError;
use super::pause::Pause;
use super::records::Place;
use analytics::{one_line, summary};
use events::{Envelope, KINDS, ParseError, SessionId};
use serde::Deserialize;
use std::borrow::Cow;
use std::io::{BufWriter, Write};
use std::time::Duration;

/// How often another process's ledger is looked at for news.
const LOOK: Duration = Duration::from_millis(100);

/// The most columns of a summary.
const SUMMARY_COLUMNS: usize = 160;

/// Reads the ledger.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Wait for further events until Ctrl-C.
    #[arg(long, short)]
    pub(super) follow: bool,
    /// The sequence to begin with.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) from: u64,
    /// Only events of this kind, such as `call.failed`, or of kinds that begin so: `call.`
    #[arg(long = "type", value_name = "T")]
    pub(super) kind: Option<String>,
    /// Only events of this session.
    #[arg(long)]
    pub(super) session: Option<SessionId>,
    /// Print the canonical bytes, one event a line.
    #[arg(long)]
    pub(super) json: bool,
    /// Where the ledger is.
    #[command(flatten)]
    pub(super) place: Place,
}

/// Prints what was asked for. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let filter = Filter::of(args)?;
    let records = args.place.open()?;
    let out = &mut BufWriter::new(out);
    let mut pause = args.follow.then(Pause::new).transpose()?;
    if !args.json {
        let (time, kind, subject) = ("TIME", "TYPE", "SUBJECT");
        writeln!(out, "SEQUENCE  {time:24}  {kind:23}  {subject:31}  SUMMARY")?;
    }
    let mut next = args.from;
    loop {
        let batch = records.read(next)?;
        for record in &batch {
            if filter.lets(record, next)? {
                line(args.json, record, next, out)?;
            }
            next += 1;
        }
        out.flush()?;
        let goes_on = match &mut pause {
            Some(pause) => pause.wait(if batch.is_empty() { LOOK } else { Duration::ZERO }),
            None => !batch.is_empty(),
        };
        if !goes_on {
            return Ok(());
        }
    }
}

fn line(json: bool, record: &[u8], sequence: u64, out: &mut dyn Write) -> Result<(), CommandError> {
    if json {
        out.write_all(record)?;
        out.write_all(b"\n")?;
    } else {
        writeln!(out, "{}", row(record, sequence)?)?;
    }
    Ok(())
}

/// One line of the table.
fn row(record: &[u8], sequence: u64) -> Result<String, CommandError> {
    let head = Head::of(record, sequence)?;
    let text = match Envelope::parse(record) {
        Ok(envelope) => summary(&envelope.event),
        Err(ParseError::Unknown { .. }) => "(this version does not know such events)".to_owned(),
        Err(error @ (ParseError::Json(_) | ParseError::Sequence(_))) => {
            return Err(unreadable(sequence, &error));
        }
    };
    let subject = head.subject.or(head.correlationid).unwrap_or(Cow::Borrowed("-"));
    let (kind, subject) = (one_line(&head.r#type, 40), one_line(&subject, 40));
    let time = one_line(&head.time, 40);
    let millis = time.get(..23).map_or(time.clone(), |to_millis| format!("{to_millis}Z"));
    let text = one_line(&text, SUMMARY_COLUMNS);
    Ok(format!("{sequence:8}  {millis:24}  {kind:23}  {subject:31}  {text}"))
}

fn unreadable(sequence: u64, error: &dyn std::fmt::Display) -> CommandError {
    CommandError::Io(format!("record {sequence} of the ledger cannot be read: {error}"))
}

/// Which events are wanted.
struct Filter {
    kind: Option<String>,
    session: Option<String>,
}

impl Filter {
    fn of(args: &Args) -> Result<Self, CommandError> {
        let filter = Self {
            kind: args.kind.clone(),
            session: args.session.map(|session| session.to_string()),
        };
        if KINDS.iter().any(|kind| filter.lets_kind(kind)) {
            return Ok(filter);
        }
        let (asked, kinds) = (args.kind.as_deref().unwrap_or_default(), KINDS.join(", "));
        let hint = "a beginning such as `call.` means all of those";
        Err(CommandError::Usage(format!(
            "--type: no kind of event is `{asked}`; there are {kinds}; {hint}"
        )))
    }

    fn lets_kind(&self, found: &str) -> bool {
        self.kind
            .as_deref()
            .is_none_or(|kind| found == kind || (kind.ends_with('.') && found.starts_with(kind)))
    }

    fn lets(&self, record: &[u8], sequence: u64) -> Result<bool, CommandError> {
        if self.kind.is_none() && self.session.is_none() {
            return Ok(true);
        }
        let head = Head::of(record, sequence)?;
        let session = self.session.as_deref();
        let is_in_session = session.is_none() || head.correlationid.as_deref() == session;
        Ok(is_in_session && self.lets_kind(&head.r#type))
    }
}

/// What every event has, of whatever version.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    correlationid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    r#type: Cow<'a, str>,
}

impl<'a> Head<'a> {
    fn of(record: &'a [u8], sequence: u64) -> Result<Self, CommandError> {
        serde_json::from_slice(record).map_err(|error| unreadable(sequence, &error))
    }
}
