//! `countersign people`: who is known, invitations, and who is stopped.

use super::CommandError;
use super::decision_words::escaped;
use super::desk::{Whose, ask};
use super::foreground::runtime;
use super::history::each;
use approvals::Roster;
use http::Method;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

/// Sees who is known, invites people, and stops them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List who was invited or has signed in, with what they may do.
    List(ListArgs),
    /// Invite a person; prints a link by which they set a password.
    Invite(InviteArgs),
    /// Make another such link, which ends the one before.
    Link(OneArgs),
    /// Take all rights from a person at once.
    Revoke(ReasonArgs),
    /// Give them back.
    Restore(ReasonArgs),
}

#[derive(Debug, clap::Args)]
struct ListArgs {
    /// Whose ledger tells of them.
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, clap::Args)]
struct InviteArgs {
    /// The address they sign in with.
    #[arg(value_name = "E-MAIL")]
    email: String,
    /// What to call them; the address, if it is not said.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What they may do: approver, analyst, compliance, operator or administrator. May be said
    /// several times.
    #[arg(long, value_name = "ROLE", required = true)]
    role: Vec<String>,
    /// A group they are in. May be said several times.
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,
    /// To which gateway.
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// Who.
    #[arg(value_name = "E-MAIL")]
    email: String,
    /// At which gateway.
    #[command(flatten)]
    whose: Whose,
}

#[derive(Debug, clap::Args)]
struct ReasonArgs {
    /// Who.
    #[arg(value_name = "E-MAIL")]
    email: String,
    /// Why, for the record.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// At which gateway.
    #[command(flatten)]
    whose: Whose,
}

const PATH: &str = "/api/v1/people";

/// Does what is asked. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    match &args.what {
        What::List(args) => list(args, out),
        What::Invite(args) => {
            let name = args.name.as_ref().unwrap_or(&args.email);
            let asked = json!({
                "email": args.email, "name": name, "roles": args.role, "groups": args.group,
            });
            let way = args.whose.gateway()?;
            link(&sent(&way, Method::POST, PATH, &asked)?, &args.email, out)
        }
        What::Link(args) => {
            let path = format!("{PATH}/{}/link", segment(&args.email)?);
            let way = args.whose.gateway()?;
            link(&sent(&way, Method::POST, &path, &json!({}))?, &args.email, out)
        }
        What::Revoke(args) => changed(args, Method::POST, ("is", "was already"), out),
        What::Restore(args) => changed(args, Method::DELETE, ("is not", "was not"), out),
    }
}

/// Asks a gateway.
pub(super) fn sent(
    way: &(String, String),
    method: Method,
    path: &str,
    asked: &Value,
) -> Result<Value, CommandError> {
    runtime()?.block_on(ask((&way.0, &way.1), method, path, asked))
}

/// A name as a part of a path.
pub(super) fn segment(name: &str) -> Result<String, CommandError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~@+".contains(&byte);
    if name.is_empty() || name.bytes().all(|byte| byte == b'.') {
        return Err(CommandError::Usage("expected a name".to_owned()));
    }
    let spelled = name.bytes().map(|byte| match byte {
        byte if is_plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    Ok(spelled.collect())
}

fn link(answer: &Value, email: &str, out: &mut dyn Write) -> Result<(), CommandError> {
    let link = answer.get("link").and_then(Value::as_str).unwrap_or_default();
    let email = escaped(email);
    writeln!(out, "Give this link to {email}, and to nobody else. It is used once, to set a")?;
    writeln!(out, "password, and is nowhere else:\n\n  {}", escaped(link))?;
    Ok(())
}

fn changed(
    args: &ReasonArgs,
    method: Method,
    (is, was): (&str, &str),
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let path = format!("{PATH}/{}/revocation", segment(&args.email)?);
    let way = args.whose.gateway()?;
    let answer = sent(&way, method, &path, &json!({ "reason": args.reason }))?;
    let has_changed = answer.get("changed").and_then(Value::as_bool).unwrap_or(true);
    let how = if has_changed { is } else { was };
    writeln!(out, "{} {how} revoked", escaped(&args.email))?;
    Ok(())
}

/// Who is known, from the ledger: it tells the same whether or not a gateway runs.
fn list(args: &ListArgs, out: &mut dyn Write) -> Result<(), CommandError> {
    let records = args.whose.place().open()?;
    let mut roster = Roster::default();
    each(&records, |envelope| {
        roster.apply(envelope);
        Ok(())
    })?;
    for known in roster.people() {
        let all = |names: &[Arc<str>]| match names {
            [] => "none".to_owned(),
            names => escaped(&names.join(", ")),
        };
        let email = escaped(&known.person.email);
        writeln!(out, "{email}  roles {}  groups {}", all(&known.roles), all(&known.groups))?;
    }
    for fact in roster.revoked_people() {
        writeln!(out, "{}  revoked", escaped(&fact.email))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_within_its_part_of_a_path() {
        assert_eq!(segment("ada@example.com").unwrap(), "ada@example.com");
        assert_eq!(segment("a/../b?c#d é").unwrap(), "a%2F..%2Fb%3Fc%23d%20%C3%A9");
        assert!(segment("..").is_err() && segment("").is_err());
    }
}
