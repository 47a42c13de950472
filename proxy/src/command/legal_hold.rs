//! `countersign legal-hold`: keeps payloads from every erasure until it is lifted.

use super::CommandError;
use super::desk::{Desk, Whose, ask, keep};
use super::foreground::block_on;
use super::who::user;
use crate::keeper_routes::{HoldAsked, HoldShown, LiftAsked};
use analytics::one_line;
use events::{EventId, SessionId};
use http::Method;
use std::io::Write;

/// Places, lifts and lists legal holds.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum What {
    /// Keep a session's payloads, or those of all sessions for a person, later ones too.
    Place(PlaceArgs),
    /// Let go of what a hold keeps.
    Lift(LiftArgs),
    /// Show the holds in force.
    List(ListArgs),
}

#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
struct PlaceArgs {
    /// The session.
    #[arg(long, group = "what")]
    session: Option<SessionId>,
    /// The person: the owner of the agents.
    #[arg(long, value_name = "PERSON", group = "what")]
    subject: Option<String>,
    /// The matter it belongs to, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Clone, Debug, clap::Args)]
struct LiftArgs {
    /// The hold, as `list` shows it.
    hold: EventId,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Clone, Debug, clap::Args)]
struct ListArgs {
    #[command(flatten)]
    whose: Whose,
}

const PATH: &str = "/api/v1/legal-holds";

/// Does what is asked. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    match &args.what {
        What::Place(args) => place(args, out),
        What::Lift(args) => lift(args, out),
        What::List(args) => list(args, out),
    }
}

fn place(args: &PlaceArgs, out: &mut dyn Write) -> Result<(), CommandError> {
    let PlaceArgs { session, subject, reason, whose } = args;
    let (subject, reason) = (subject.clone(), reason.clone());
    let asked = HoldAsked { session: *session, subject, reason, by: user() };
    let desk = whose.desk()?;
    block_on(async {
        let id = match desk {
            Desk::Gateway { base, key } => {
                let shown: HoldShown = ask((&base, &key), Method::POST, PATH, &asked).await?;
                shown.id
            }
            Desk::Folder(config) => {
                let by = format!("operator ({})", asked.by).into();
                let hold =
                    asked.placed(by).map_err(|detail| CommandError::Usage(detail.to_owned()))?;
                keep(&config, async |keeper| keeper.place(hold).await).await?
            }
        };
        writeln!(out, "placed legal hold {id}")?;
        Ok(())
    })
}

fn lift(args: &LiftArgs, out: &mut dyn Write) -> Result<(), CommandError> {
    let hold = args.hold;
    let asked = LiftAsked { reason: args.reason.clone(), by: user() };
    let desk = args.whose.desk()?;
    block_on(async {
        match desk {
            Desk::Gateway { base, key } => {
                let path = format!("{PATH}/{hold}");
                ask::<()>((&base, &key), Method::DELETE, &path, &asked).await?;
            }
            Desk::Folder(config) => {
                let by = format!("operator ({})", asked.by).into();
                let lifted = asked.lifted(hold, by);
                let lifted = lifted.map_err(|detail| CommandError::Usage(detail.to_owned()))?;
                keep(&config, async |keeper| keeper.lift(lifted).await).await?;
            }
        }
        writeln!(out, "lifted legal hold {hold}")?;
        Ok(())
    })
}

fn list(args: &ListArgs, out: &mut dyn Write) -> Result<(), CommandError> {
    let desk = args.whose.desk()?;
    block_on(async {
        let holds: Vec<HoldShown> = match desk {
            Desk::Gateway { base, key } => ask((&base, &key), Method::GET, PATH, &()).await?,
            Desk::Folder(config) => {
                let holds = keep(&config, async |keeper| keeper.holds().await).await?;
                holds.into_iter().map(|(id, hold)| HoldShown { id, hold }).collect()
            }
        };
        for HoldShown { id, hold } in holds {
            let session = hold.session.map(|session| session.to_string());
            let what = session.as_deref().or(hold.subject.as_deref()).unwrap_or_default();
            let [what, by, reason] = [what, &hold.by, &hold.reason].map(|text| one_line(text, 100));
            writeln!(out, "{id}  {what}  by {by}: {reason}")?;
        }
        Ok(())
    })
}
