//! `countersign replay`: decides recorded calls anew, by policies that are not in force, with what
//! the gateway knew at each call, and shows what would change. Nothing is sent or recorded.

mod asked;

mod outcome;

mod report;

use super::history::{self, History, Scene, each};
use super::records::Records;
use super::{CommandError, candidate};
use analytics::export::Bound;
use asked::{Asked, Known, Recorded};
use events::{CallId, Envelope, Event, SessionId};
use outcome::{Outcome, Row};
use policy::{Policies, Question};
use report::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Shows what policies would have made of recorded calls.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The policies to try out: files, or folders of which the `.cedar` files count.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    policy: Vec<PathBuf>,
    /// Calls from this sequence or time on, such as `1200` or `2026-11-21T08:00:00Z`.
    #[arg(long, value_name = "SEQUENCE|TIME")]
    from: Option<Bound>,
    /// Calls up to this sequence or time, and without it.
    #[arg(long, value_name = "SEQUENCE|TIME")]
    to: Option<Bound>,
    /// Calls of this session. May be said several times.
    #[arg(long)]
    session: Vec<SessionId>,
    /// Calls of this agent. May be said several times.
    #[arg(long, value_name = "NAME")]
    agent: Vec<String>,
    /// List every call, changed or not.
    #[arg(long)]
    all: bool,
    /// Fail with exit code 1 if a call that was allowed would be held or denied.
    #[arg(long)]
    fail_on_change: bool,
    /// Print everything as JSON.
    #[arg(long)]
    json: bool,
    /// Against what.
    #[command(flatten)]
    scene: Scene,
}

/// Decides, and prints. Blocks; not for asynchronous tasks.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let sources = candidate::read(&candidate::named(&args.policy))?;
    let records = args.scene.records()?;
    let config = match args.scene.configuration()? {
        Some(config) => config,
        None => history::configuration(&records)?,
    };
    let history = History::new(Arc::new(config));
    let policies = candidate::compile(&sources, &history.model())?;
    let mut replay = Replay {
        args,
        records: &records,
        policies,
        history,
        held: BTreeSet::new(),
        report: Report::default(),
    };
    let unknown = each(&records, |envelope| replay.take(envelope))?;
    let Replay { policies, history, mut report, .. } = replay;
    report.unknown = unknown;
    report.lists_gone = history.lists_gone;
    report.decide = policies.len();
    report.watched = policies.shadowed();
    report.digest = Some(policies.digest());
    if args.json { report.write_json(out) } else { report.write(out) }?;
    out.flush()?;
    let stricter = report.stricter();
    if args.fail_on_change && stricter > 0 {
        let what = format!("{stricter} calls that were allowed would be held or denied");
        return Err(CommandError::CheckFailed(what));
    }
    Ok(())
}

/// A replay under way.
struct Replay<'a> {
    args: &'a Args,
    records: &'a Records,
    policies: Policies,
    history: History,
    /// Calls that were held, and so decided about before they were made.
    held: BTreeSet<CallId>,
    report: Report,
}

impl Replay<'_> {
    /// Takes the next event: decides about the call, if it is one, with what was known before it.
    fn take(&mut self, envelope: &Envelope) -> Result<(), CommandError> {
        if let Some(asked) = Asked::of(envelope, &self.held)
            && self.is_wanted(envelope, &asked)
        {
            self.decide(envelope, &asked)?;
        }
        if let (Event::CallHeld(_), Some(call)) = (&envelope.event, envelope.call) {
            self.held.insert(call);
        }
        if self.history.apply(self.records, envelope)? {
            self.remodel()?;
        }
        Ok(())
    }

    fn is_wanted(&self, envelope: &Envelope, asked: &Asked<'_>) -> bool {
        let Args { session, agent, from, to, .. } = self.args;
        let is_before = |bound: &Bound| match *bound {
            Bound::Sequence(sequence) => envelope.sequence < sequence,
            Bound::Time(time) => envelope.time < time,
        };
        let of_session = envelope.session.is_some_and(|of| session.contains(&of));
        let of_agent = agent.iter().any(|name| **name == *asked.principal.agent);
        from.as_ref().is_none_or(|from| !is_before(from))
            && to.as_ref().is_none_or(is_before)
            && (session.is_empty() || of_session)
            && (agent.is_empty() || of_agent)
    }

    fn decide(&mut self, envelope: &Envelope, asked: &Asked<'_>) -> Result<(), CommandError> {
        let Recorded::Decided { decision, rule } = asked.recorded else {
            self.report.not_asked += 1;
            return Ok(());
        };
        let arguments = match asked.arguments(self.records, envelope.session)? {
            Known::Here(arguments) => arguments,
            Known::Gone => {
                self.report.add(Row::new(envelope, asked, (decision, Outcome::Undecidable)), true);
                return Ok(());
            }
        };
        let facts = envelope.session.map(|of| self.history.facts(of)).unwrap_or_default();
        let principal = asked.principal;
        let owner = principal.owner.to_lowercase();
        let answer = self.policies.decide(&Question {
            agent: &principal.agent,
            owner: &owner,
            team: &principal.team,
            actors: &principal.actors,
            kind: asked.deed().kind(arguments.as_deref()),
            session: facts,
            now: envelope.time,
        });
        let has_other_rule =
            answer.rule.is_some() && rule.is_some() && answer.rule.as_ref() != rule;
        let outcome = Outcome::Decided { answer: Box::new(answer), has_other_rule };
        self.report.add(Row::new(envelope, asked, (decision, outcome)), self.args.all);
        Ok(())
    }

    /// The policies for the tools that are known now, as a gateway does it.
    fn remodel(&mut self) -> Result<(), CommandError> {
        let remodelled = self.policies.remodel(&self.history.model());
        let (policies, problems) = remodelled.map_err(|problems| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            CommandError::Configuration(told.join("\n"))
        })?;
        self.policies = policies;
        self.report.misfits.extend(problems.iter().map(ToString::to_string));
        Ok(())
    }
}

/// How often something was so.
type Counts<K> = BTreeMap<K, u64>;
