//! `countersign approvals`: calls that wait for people, and votes on them. What is decided on is
//! the exact call that was shown: its digest goes with the vote.

mod told;

mod folder;

mod screen;

use super::CommandError;
use super::desk::{Whose, ask};
use super::foreground::runtime;
use events::{CallId, Vote};
use http::Method;
use serde_json::{Value, json};
use std::io::{self, BufRead as _, IsTerminal as _, Write};
use told::Told;

/// Sees calls that wait, and votes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List calls that wait, or that were decided.
    List(ListArgs),
    /// Show what exactly would run, who may decide, and what was said.
    Show(ShowArgs),
    /// Let a call go, as it is shown.
    Approve(ApproveArgs),
    /// Do not let it go.
    Reject(RejectArgs),
    /// Say something to it.
    Comment(CommentArgs),
    /// Take it back: nobody wants it any more.
    Withdraw(RejectArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Which ones.
    #[arg(long, value_enum, default_value_t = Which::Pending)]
    state: Which,
    /// Print them as JSON.
    #[arg(long)]
    json: bool,
    /// Whose calls.
    #[command(flatten)]
    whose: Whose,
}

/// Which calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// Those that wait.
    Pending,
    /// Those that do not any more.
    Decided,
    /// All.
    All,
}

#[derive(Debug, clap::Args)]
struct ShowArgs {
    /// The call (`call_…`).
    #[arg(value_name = "CALL")]
    call: CallId,
    /// Print it as JSON.
    #[arg(long)]
    json: bool,
    /// Whose call.
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, clap::Args)]
struct ApproveArgs {
    /// The call (`call_…`).
    #[arg(value_name = "CALL")]
    call: CallId,
    /// Why. Some calls want a reason.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The fingerprint of what you have seen, instead of being asked for it.
    #[arg(long, value_name = "FINGERPRINT")]
    fingerprint: Option<String>,
    /// Whose call.
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, clap::Args)]
struct RejectArgs {
    /// The call (`call_…`).
    #[arg(value_name = "CALL")]
    call: CallId,
    /// Why. The agent is told.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Whose call.
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, clap::Args)]
struct CommentArgs {
    /// The call (`call_…`).
    #[arg(value_name = "CALL")]
    call: CallId,
    /// What.
    #[arg(value_name = "TEXT")]
    text: String,
    /// Whose call.
    #[command(flatten)]
    whose: Whose,
}

const PATH: &str = "/api/v1/holds";

/// Does what is asked. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    match &args.what {
        What::List(args) => list(args, out),
        What::Show(args) => show(args, out),
        What::Approve(args) => approve(args, out),
        What::Reject(args) => {
            let way = args.whose.gateway()?;
            let told = get(&way, args.call)?;
            vote(&way, &told, (Vote::Reject, Some(&args.reason)), out)
        }
        What::Comment(args) => {
            let said = json!({ "text": args.text });
            let way = args.whose.gateway()?;
            let _standing: Value = post(&way, &format!("{PATH}/{}/comments", args.call), &said)?;
            writeln!(out, "said to {}", args.call)?;
            Ok(())
        }
        What::Withdraw(args) => {
            let why = json!({ "reason": args.reason });
            let way = args.whose.gateway()?;
            let standing = post(&way, &format!("{PATH}/{}/withdrawal", args.call), &why)?;
            screen::standing(args.call, &standing, out)
        }
    }
}

/// A gateway's address and the operator's key.
type Way = (String, String);

fn post(way: &Way, path: &str, asked: &Value) -> Result<Value, CommandError> {
    runtime()?.block_on(ask((&way.0, &way.1), Method::POST, path, asked))
}

fn get(way: &Way, call: CallId) -> Result<Told, CommandError> {
    understood(runtime()?.block_on(ask(
        (&way.0, &way.1),
        Method::GET,
        &format!("{PATH}/{call}"),
        &(),
    ))?)
}

fn understood<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, CommandError> {
    serde_json::from_value(value).map_err(|error| {
        CommandError::Io(format!("the gateway's answer is not understood: {error}"))
    })
}

fn list(args: &ListArgs, out: &mut dyn Write) -> Result<(), CommandError> {
    let ListArgs { state, json, whose } = args;
    let running = whose.running()?;
    let told: Vec<Told> = if let Some((base, key)) = &running {
        let state = match state {
            Which::Pending => "pending",
            Which::Decided => "decided",
            Which::All => "all",
        };
        let path = format!("{PATH}?state={state}");
        let asking = ask((base, key), Method::GET, &path, &());
        let mut answer: Value = runtime()?.block_on(asking)?;
        understood(answer.get_mut("holds").map(Value::take).unwrap_or_default())?
    } else {
        let is_wanted = |told: &Told| match state {
            Which::Pending => told.state == "pending",
            Which::Decided => told.state != "pending",
            Which::All => true,
        };
        folder::holds(&whose.place())?.into_iter().filter(is_wanted).collect()
    };
    if *json {
        writeln!(out, "{:#}", json!({ "live": running.is_some(), "holds": told }))?;
        return Ok(());
    }
    screen::list(&told, out)?;
    not_live(running.as_ref(), out)
}

fn show(args: &ShowArgs, out: &mut dyn Write) -> Result<(), CommandError> {
    let ShowArgs { call, json, whose } = args;
    let running = whose.running()?;
    let told = match &running {
        Some(way) => get(way, *call)?,
        None => folder::hold(&whose.place(), *call)?,
    };
    if *json {
        writeln!(out, "{:#}", json!(told))?;
        return Ok(());
    }
    screen::show(&told, out)?;
    not_live(running.as_ref(), out)
}

fn not_live(running: Option<&Way>, out: &mut dyn Write) -> Result<(), CommandError> {
    if running.is_none() {
        writeln!(out, "\nThis is not live: no gateway answers, so it is read from the ledger.")?;
    }
    Ok(())
}

fn approve(args: &ApproveArgs, out: &mut dyn Write) -> Result<(), CommandError> {
    let way = args.whose.gateway()?;
    let told = get(&way, args.call)?;
    let whole = told.fingerprint();
    if let Some(seen) = &args.fingerprint {
        if !seen.trim().eq_ignore_ascii_case(&whole) {
            return Err(CommandError::CheckFailed(format!(
                "not approved: what waits now has the fingerprint {whole}, and you have seen \
                 another one; look at it with `approvals show {}`",
                args.call
            )));
        }
    } else {
        screen::show(&told, out)?;
        if let Some(why) = &told.not_shown {
            let what = format!("not approved: what would run cannot be shown: {why}");
            return Err(CommandError::CheckFailed(what));
        }
        confirm(&whole, out)?;
    }
    vote(&way, &told, (Vote::Approve, args.reason.as_deref()), out)
}

/// Has the person type the beginning of the fingerprint.
fn confirm(whole: &str, out: &mut dyn Write) -> Result<(), CommandError> {
    if !io::stdin().is_terminal() {
        let what = "not approved: nobody is here to confirm it; say what was seen with \
                    `--fingerprint`";
        return Err(CommandError::Usage(what.to_owned()));
    }
    let first = whole.split('-').next().unwrap_or_default();
    write!(out, "\nTo approve exactly this, type the first four characters of the fingerprint: ")?;
    out.flush()?;
    let mut typed = String::new();
    io::stdin().lock().read_line(&mut typed)?;
    if typed.trim().eq_ignore_ascii_case(first) {
        return Ok(());
    }
    Err(CommandError::CheckFailed("not approved: that is not its fingerprint".to_owned()))
}

fn vote(
    way: &Way,
    told: &Told,
    (vote, reason): (Vote, Option<&str>),
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let said = json!({
        "vote": vote, "digest": told.digest, "version": told.version, "reason": reason,
    });
    let standing = post(way, &format!("{PATH}/{}/votes", told.id), &said)?;
    screen::standing(told.id, &standing, out)
}
