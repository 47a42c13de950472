//! `countersign erase`: takes payloads away, while every event and every proof stays.

use super::CommandError;
use super::desk::{Desk, Whose, ask, keep};
use super::foreground::block_on;
use super::who::user;
use crate::clock;
use crate::config::duration;
use crate::keeper::{Order, before};
use crate::keeper_routes::{ErasureAsked, ErasureDone, done, preview};
use events::SessionId;
use http::Method;
use std::io::Write;
use std::time::Duration;

/// Erases payloads; what is said must all be true of a session.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(super) struct Args {
    /// This session. May be said several times.
    #[arg(long, group = "what")]
    session: Vec<SessionId>,
    /// Sessions for this person: the owner of the agent.
    #[arg(long, value_name = "PERSON", group = "what")]
    subject: Option<String>,
    /// Sessions whose last event is older, such as `90d`.
    #[arg(long, value_name = "TIME", value_parser = age, group = "what")]
    older_than: Option<Duration>,
    /// The law, contract or rule that asks for it, for the record.
    #[arg(long, value_name = "TEXT")]
    basis: String,
    /// Say what would be erased, and erase nothing.
    #[arg(long)]
    dry_run: bool,
    /// Whose payloads.
    #[command(flatten)]
    whose: Whose,
}

fn age(text: &str) -> Result<Duration, String> {
    duration(text).ok_or_else(|| "expected a time such as `90d` or `12h`".to_owned())
}

/// Erases, and says what. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let asked = ErasureAsked {
        sessions: (!args.session.is_empty()).then(|| args.session.clone()),
        subject: args.subject.clone(),
        before: args.older_than.map(|age| before(clock::now(), age)),
        basis: args.basis.clone(),
        by: user(),
        preview: args.dry_run,
    };
    let desk = args.whose.desk()?;
    block_on(async {
        let done = match desk {
            Desk::Gateway { base, key } => {
                ask((&base, &key), Method::POST, "/api/v1/erasures", &asked).await?
            }
            Desk::Folder(config) => {
                let (criterion, said) =
                    asked.criterion().map_err(|detail| CommandError::Usage(detail.to_owned()))?;
                let (by, basis) = (format!("operator ({})", asked.by).into(), asked.basis);
                keep(&config, async |keeper| {
                    if args.dry_run {
                        return Ok(preview(keeper.preview(&criterion).await?));
                    }
                    Ok(done(keeper.erase(Order { criterion, said, by, basis }).await?))
                })
                .await?
            }
        };
        say(&done, out)
    })
}

fn say(done: &ErasureDone, out: &mut dyn Write) -> Result<(), CommandError> {
    let sessions = done.sessions;
    match (done.payloads, done.bytes) {
        (Some(payloads), Some(bytes)) => writeln!(
            out,
            "erased {payloads} payloads and keys of {sessions} sessions, {bytes} bytes; \
             every event and proof stays"
        )?,
        _ => writeln!(out, "would erase the payloads of {sessions} sessions")?,
    }
    for held in &done.held {
        writeln!(out, "kept {}: legal hold {}", held.session, held.hold)?;
    }
    Ok(())
}
