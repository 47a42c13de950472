//! `countersign export`: evidence that others can verify, in one file or folder. The export is an
//! event itself, recorded before the first byte is written.

mod output;

mod asked;

mod remote;

use super::desk::not_opened;
use super::foreground::block_on;
use super::{CommandError, serve};
use crate::config::Backend;
use crate::custody::{Custody, LEDGER_FOLDER};
use crate::evidence::export_source;
use crate::keeper::Keeper;
use analytics::export::{Archive, Bound, ExportError, Exported};
use dashboards::ExportAsked;
use events::{CallId, SessionId};
use ledger::sealer::LostLock;
use output::Output;
use std::io::Write;
use std::path::PathBuf;

/// Hands out evidence.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// From this sequence or time on, such as `1200` or `2026-11-21T08:00:00Z`.
    #[arg(long, value_name = "SEQUENCE|TIME")]
    from: Option<Bound>,
    /// Up to this sequence or time, and without it.
    #[arg(long, value_name = "SEQUENCE|TIME")]
    to: Option<Bound>,
    /// This session, with the calls that it caused elsewhere. May be said several times.
    #[arg(long)]
    session: Vec<SessionId>,
    /// This call, with those that it caused. May be said several times.
    #[arg(long)]
    call: Vec<CallId>,
    /// The sessions and calls in this file, one a line; what follows a `#` is a comment.
    #[arg(long, value_name = "FILE")]
    case: Vec<PathBuf>,
    /// What was done for this person.
    #[arg(long, value_name = "PERSON")]
    principal: Option<String>,
    /// What this agent did.
    #[arg(long)]
    agent: Option<String>,
    /// Leave prompts, arguments and results out; the proofs hold without them.
    #[arg(long)]
    no_payloads: bool,
    /// Who asks, for the record; you, if it is not said.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Where it goes: a tar archive if it ends with `.tar`, else a folder. Must not exist.
    #[arg(long, value_name = "FILE.tar|DIR")]
    out: PathBuf,
    /// The configuration of the gateway, which is not running; `countersign.toml` if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where its ledger is, instead of what the configuration says.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Ask a running gateway instead, such as `http://127.0.0.1:8081`.
    #[arg(long, conflicts_with_all = ["data", "config"])]
    url: Option<String>,
}

/// Writes the bundle and says what is in it. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let asked = asked::asked(args)?;
    let output = Output::new(&args.out)?;
    match &args.url {
        Some(url) => {
            let body = remote::ask(url, &asked)?;
            output.receive(body)?;
        }
        None => offline(args, asked, output, out)?,
    }
    let path = args.out.display();
    writeln!(out, "evidence in {path}; verify it with `ledger-verify {path}`")?;
    Ok(())
}

/// Exports out of a ledger that no gateway has open.
fn offline(
    args: &Args,
    asked: ExportAsked,
    output: Output,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let config = serve::configuration(args.config.as_deref(), args.data.as_deref())?.config;
    let folder = config.data.join(LEDGER_FOLDER);
    if config.ledger.backend == Backend::Memory || !folder.is_dir() {
        let shown = folder.display();
        let hint = "say `--data DIR`, or ask a running gateway with `--url`";
        return Err(CommandError::Io(format!("no ledger in `{shown}`: {hint}")));
    }
    block_on(async {
        let custody = Custody::open(&config, LostLock::Refuse).await;
        let (ledger, sealing, closing) =
            custody.map_err(|error| not_opened(&config, &error))?.split();
        let sealing =
            sealing.ok_or_else(|| CommandError::Io("the ledger is not sealed".to_owned()))?;
        // What a crash broke off would be missing without the event that says why.
        let completed = Keeper::new(ledger.clone()).complete().await;
        completed.map_err(|error| CommandError::Io(error.to_string()))?;
        let source = export_source(&ledger, sealing);
        let signed = source.begin(&asked).await.map_err(CommandError::Io)?;
        let seconds = (source.now)().micros() / 1_000_000;
        let work = move || {
            let write = |archive: &mut dyn Archive| source.write(&asked, &signed, archive);
            output.make(seconds, write)
        };
        let made = tokio::task::spawn_blocking(work).await;
        drop(ledger);
        closing.close().await.map_err(|error| CommandError::Io(error.to_string()))?;
        say(&made.map_err(|error| CommandError::Io(error.to_string()))??, out)
    })
}

fn say(exported: &Exported, out: &mut dyn Write) -> Result<(), CommandError> {
    let Exported { events, payloads } = exported;
    write!(out, "{events} events")?;
    if payloads.included {
        write!(out, ", {} payloads present, {} absent", payloads.present, payloads.erased)?;
        write!(out, ", {} discarded", payloads.discarded)?;
        if payloads.undecryptable > 0 {
            write!(out, ", {} that cannot be decrypted", payloads.undecryptable)?;
        }
    }
    writeln!(out)?;
    Ok(())
}

impl From<ExportError> for CommandError {
    fn from(error: ExportError) -> Self {
        Self::Io(error.to_string())
    }
}
