//! `countersign policy explain`: asks policies about one call, offline, and says what they answer.

use super::super::CommandError;
use super::super::candidate;
use super::super::decision_words::{because, decided, rule};
use super::super::history::{self, History, Scene, each};
use crate::clock;
use crate::config::{Agent, Config, look_up};
use crate::facts::Facts;
use crate::json;
use events::{Decision, SessionId, Timestamp, Verdict};
use policy::{Answer, Kind, Question, Source};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Asks about a call that nobody makes.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(in super::super) struct Args {
    /// The agent that would make it.
    #[arg(long, value_name = "NAME")]
    agent: String,
    /// The tool that it would call.
    #[arg(long, value_name = "SERVER/TOOL", group = "what")]
    tool: Option<String>,
    /// The model that it would ask.
    #[arg(long, value_name = "PROVIDER/MODEL", group = "what")]
    model: Option<String>,
    /// The arguments of the tool, a JSON object.
    #[arg(long, value_name = "JSON", requires = "tool")]
    arguments: Option<String>,
    /// The person it acts for, if not its owner in the configuration.
    #[arg(long, value_name = "E-MAIL")]
    owner: Option<String>,
    /// The team that runs it, if not that of the configuration.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// In this session of the ledger, as it is now.
    #[arg(long)]
    session: Option<SessionId>,
    /// As if the session had done this before. May be said several times.
    #[arg(long, value_enum, value_name = "WHAT")]
    after: Vec<Deed>,
    /// When, such as `2026-11-21T23:00:00Z`, if not now.
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Ask these files or folders of policies instead of those of the configuration.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    policy: Vec<PathBuf>,
    /// Fail with exit code 1 if the answer is another one.
    #[arg(long, value_enum, value_name = "DECISION")]
    expect: Option<Expected>,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
    /// Against what.
    #[command(flatten)]
    scene: Scene,
}

/// What a session may have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Deed {
    /// Read what is not for everybody.
    ReadPrivate,
    /// Read what anybody may have written.
    ReadUntrusted,
    /// Sent something to others.
    SentOutside,
}

/// An answer that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Expected {
    /// It would be made at once.
    Allow,
    /// It would wait for people.
    Hold,
    /// It would not be made.
    Deny,
}

impl Expected {
    const fn decision(self) -> Decision {
        match self {
            Self::Allow => Decision::Allow,
            Self::Hold => Decision::Hold,
            Self::Deny => Decision::Deny,
        }
    }
}

/// What is known of the call's circumstances.
struct Known {
    agent: String,
    /// As the configuration has it, if it does.
    configured: Option<Agent>,
    owner: String,
    team: String,
    facts: Facts,
    /// What whoever asks should know of the answer.
    notes: Vec<String>,
}

/// Asks, and prints the answer. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let kind = kind(args)?;
    let config = args.scene.configuration()?;
    let sources = sources(args, config.as_ref())?;
    let (history, known) = known(args, config)?;
    let policies = candidate::compile(&sources, &history.model())?;
    let listed = listed(&known, kind);
    let answer = listed.unwrap_or_else(|| {
        policies.decide(&Question {
            agent: &known.agent,
            owner: &known.owner,
            team: &known.team,
            actors: &[],
            kind,
            session: known.facts,
            now: args.at.unwrap_or_else(clock::now),
        })
    });
    let notes = notes(&history, known.notes, kind);
    if args.json {
        write_json(&answer, &notes, out)?;
    } else {
        write(&answer, &notes, out)?;
    }
    let (found, expected) = (answer.verdict.decision, args.expect.map(Expected::decision));
    match expected {
        Some(expected) if expected != found => {
            let (expected, found) = (decided(expected), decided(found));
            let what = format!("the call would be {found}; it was expected to be {expected}");
            Err(CommandError::CheckFailed(what))
        }
        Some(_) | None => Ok(()),
    }
}

fn kind(args: &Args) -> Result<Kind<'_>, CommandError> {
    let wrong = |option: &str, text: &str| {
        CommandError::Usage(format!("{option}: expected two names with a `/`, found `{text}`"))
    };
    if let Some(text) = &args.model {
        let named = text.split_once('/').ok_or_else(|| wrong("--model", text))?;
        return Ok(Kind::Model { provider: named.0, name: named.1 });
    }
    let text = args.tool.as_deref().unwrap_or_default();
    let (server, name) = text.split_once('/').ok_or_else(|| wrong("--tool", text))?;
    let arguments = args.arguments.as_deref();
    if let Some(text) = arguments {
        let checked = json::check(text.as_bytes(), json::Limits::default());
        let checked = checked.map_err(|fault| CommandError::Usage(format!("--arguments: {fault}")));
        if !checked?.trim_start().starts_with('{') {
            let expected = "--arguments: expected a JSON object such as `{\"amount\": 5}`";
            return Err(CommandError::Usage(expected.to_owned()));
        }
    }
    Ok(Kind::Tool { server, name, arguments })
}

fn sources(args: &Args, config: Option<&Config>) -> Result<Vec<Source>, CommandError> {
    if !args.policy.is_empty() {
        return candidate::read(&candidate::named(&args.policy));
    }
    let files = config.and_then(|config| config.policy.as_ref()).ok_or_else(|| {
        let what = "no policies to ask: name their files with `--policy FILE`, or a configuration \
                    that has `[policy]` with `--config FILE`";
        CommandError::Usage(what.to_owned())
    })?;
    candidate::read(files)
}

/// What the configuration and the ledger tell.
fn known(args: &Args, config: Option<Config>) -> Result<(History, Known), CommandError> {
    let mut notes = Vec::new();
    let has_records = args.session.is_some() || args.scene.has_records(config.as_ref());
    let records = has_records.then(|| args.scene.records()).transpose()?;
    let config = match (config, &records) {
        (Some(config), _) => config,
        (None, Some(records)) => history::configuration(records)?,
        (None, None) => {
            Config::parse("", Path::new(""), &look_up)
                .map_err(|problems| CommandError::Configuration(problems.to_string()))?
                .config
        }
    };
    let agent = config.agents.iter().find(|agent| agent.name == args.agent).cloned();
    if agent.is_none() {
        notes.push(format!("the configuration has no agent `{}`", args.agent));
    }
    let owner = args.owner.clone().or_else(|| agent.as_ref().map(|agent| agent.owner.clone()));
    let team = args.team.clone().or_else(|| agent.as_ref().map(|agent| agent.team.clone()));
    let mut history = History::new(Arc::new(config));
    match &records {
        Some(records) => {
            each(records, |envelope| history.apply(records, envelope).map(drop))?;
        }
        None => notes.push("there is no ledger that tells of tools; see `--data`".to_owned()),
    }
    let mut facts = args.session.map(|session| history.facts(session)).unwrap_or_default();
    if let Some(session) = args.session
        && facts.calls == 0
    {
        return Err(CommandError::Usage(format!("the ledger has no call of session `{session}`")));
    }
    facts.read_private |= args.after.contains(&Deed::ReadPrivate);
    facts.read_untrusted |= args.after.contains(&Deed::ReadUntrusted);
    facts.sent_outside |= args.after.contains(&Deed::SentOutside);
    let known = Known {
        agent: args.agent.clone(),
        configured: agent,
        owner: owner.unwrap_or_default().to_lowercase(),
        team: team.unwrap_or_default(),
        facts,
        notes,
    };
    Ok((history, known))
}

/// The no of the agent's lists, which are asked before any policy.
fn listed(known: &Known, kind: Kind<'_>) -> Option<Answer> {
    let agent = known.configured.as_ref()?;
    let (is_listed, object) = match kind {
        Kind::Tool { server, name, .. } => {
            (agent.may_call(server, name), format!("the tool `{name}` of `{server}`"))
        }
        Kind::Model { name, .. } => (agent.may_ask(name), format!("model `{name}`")),
        Kind::Resource { .. } | Kind::Prompt { .. } | Kind::Other { .. } => return None,
    };
    let request = policy::Request { agent: &known.agent, object: &object, listed: is_listed };
    let verdict: Verdict = policy::decide(&request);
    let is_no = verdict.decision != Decision::Allow;
    is_no.then_some(Answer { verdict, rule: None, shadow: None })
}

fn notes(history: &History, mut notes: Vec<String>, kind: Kind<'_>) -> Vec<String> {
    if let Kind::Tool { server, name, .. } = kind
        && history.tools().definition(server, name).is_none()
    {
        notes.push(format!(
            "`{server}` was not heard to tell of a tool `{name}`: it counts as destructive and \
             open, and policies can't inspect its arguments"
        ));
    }
    notes
}

fn write(answer: &Answer, notes: &[String], out: &mut dyn Write) -> Result<(), CommandError> {
    let Answer { verdict, rule: held, shadow } = answer;
    writeln!(out, "{:<9} {}", decided(verdict.decision), because(verdict))?;
    for (name, text) in held.iter().flat_map(rule) {
        writeln!(out, "{name:<9} {text}")?;
    }
    if let Some(shadow) = shadow {
        let what = decided(shadow.decision);
        writeln!(out, "{:<9} if policies in shadow counted: {what} {}", "shadow", because(shadow))?;
    }
    for note in notes {
        writeln!(out, "{:<9} {note}", "note")?;
    }
    Ok(())
}

fn write_json(answer: &Answer, notes: &[String], out: &mut dyn Write) -> Result<(), CommandError> {
    let Answer { verdict, rule, shadow } = answer;
    let told = serde_json::json!({
        "verdict": verdict, "rule": rule, "shadow": shadow, "notes": notes,
    });
    writeln!(out, "{told:#}")?;
    Ok(())
}
