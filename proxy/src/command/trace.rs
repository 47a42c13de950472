//! `countersign trace`: the tree of one session, from the person to the tools' results.

use super::CommandError;
use super::records::{Place, Records};
use analytics::{
    Locator, Look, Members, SessionCalls, Trace, Wanted, one_line, trace_json, trace_text,
};
use events::{CallId, PayloadRef, SessionId};
use std::cell::RefCell;
use std::io::{IsTerminal as _, Write};
use std::path::Path;

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Colour {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Draws what led to what.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// A session (`ses_…`), a call (`call_…`), or `latest` for the newest session.
    #[arg(value_name = "SESSION|CALL|latest")]
    pub(super) what: String,
    /// How many columns to use.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) width: usize,
    /// Print the tree as JSON, with every recorded value.
    #[arg(long)]
    pub(super) json: bool,
    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub(super) color: Colour,
    /// Where the ledger is.
    #[command(flatten)]
    pub(super) place: Place,
}

impl Args {
    /// The newest session of the ledger in `data`.
    pub(super) fn latest(data: &Path) -> Self {
        Self {
            what: "latest".into(),
            width: 100,
            json: false,
            color: Colour::Auto,
            place: Place::folder(data),
        }
    }
}

/// What a person may ask for.
#[derive(Clone, Copy)]
enum Asked {
    Session(SessionId),
    Call(CallId),
    Latest,
}

/// Prints the tree. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let asked = parse(&args.what)?;
    let records = args.place.open()?;
    let session = locate(&records, asked)?;
    let members = records.fold(Members::new(session))?.into_projection();
    let fold = records.fold(SessionCalls::new(members))?;
    let mut trace = Trace::of(session, fold.projection().calls());
    trace.erased.clone_from(fold.projection().erased());
    if trace.branches.is_empty() {
        return Err(CommandError::Usage(format!("the ledger has no call of session `{session}`")));
    }
    if let Asked::Call(call) = asked {
        trace.retain_call(call);
    }
    if args.json {
        let tree = trace_json(&trace).map_err(|error| CommandError::Io(error.to_string()))?;
        writeln!(out, "{tree}")?;
        return Ok(());
    }
    draw(args, &records, &trace, out)?;
    if fold.unknown() > 0 {
        let count = fold.unknown();
        writeln!(
            out,
            "({count} events of the ledger are of kinds that this version does not know)"
        )?;
    }
    Ok(())
}

/// Draws the tree; then says why a payload that it needed cannot be shown, if one cannot.
fn draw(
    args: &Args,
    records: &Records,
    trace: &Trace<'_>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let failure = RefCell::new(None);
    let payloads = |session: SessionId, payload: &PayloadRef| {
        records.payload(session, payload).map_err(|unreadable| {
            failure.borrow_mut().get_or_insert(unreadable.error);
            unreadable.brief
        })
    };
    let colour = match args.color {
        Colour::Auto => std::io::stdout().is_terminal(),
        Colour::Always => true,
        Colour::Never => false,
    };
    let text = trace_text(trace, &payloads, Look { width: args.width, colour });
    out.write_all(text.as_bytes())?;
    out.flush()?;
    failure.into_inner().map_or(Ok(()), Err)
}

fn parse(what: &str) -> Result<Asked, CommandError> {
    let session = || what.parse().ok().map(Asked::Session);
    let call = || what.parse().ok().map(Asked::Call);
    let latest = (what == "latest").then_some(Asked::Latest);
    latest.or_else(session).or_else(call).ok_or_else(|| {
        let expected = "expected a session (`ses_…`), a call (`call_…`) or `latest`";
        CommandError::Usage(format!("{expected}, found `{}`", one_line(what, 64)))
    })
}

fn locate(records: &Records, asked: Asked) -> Result<SessionId, CommandError> {
    let (wanted, absent) = match asked {
        Asked::Session(session) => return Ok(session),
        Asked::Call(call) => (Wanted::Call(call), format!("the ledger has no call `{call}`")),
        Asked::Latest => (Wanted::Latest, "the ledger has no calls yet".to_owned()),
    };
    let found = records.fold(Locator::new(wanted))?.projection().session();
    found.ok_or(CommandError::Usage(absent))
}
