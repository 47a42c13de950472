//! Calls that wait, from a ledger that no gateway has open.

use super::super::CommandError;
use super::super::history::each;
use super::super::records::{Place, Records};
use super::told::{Cast, Said, Told};
use crate::clock;
use crate::json;
use approvals::hold::{Context, Step, terms};
use approvals::{Hold, Roster};
use events::{CallId, Event, Operation};
use std::collections::BTreeMap;
use std::time::Duration;

/// Every hold of a ledger, the newest first.
pub(super) fn holds(place: &Place) -> Result<Vec<Told>, CommandError> {
    let (_, holds, roster) = read(place)?;
    Ok(holds.into_values().rev().map(|hold| told(&hold, &roster)).collect())
}

/// One hold, with what would run.
pub(super) fn hold(place: &Place, call: CallId) -> Result<Told, CommandError> {
    let (records, mut holds, roster) = read(place)?;
    let hold = holds.remove(&call).ok_or_else(|| {
        CommandError::Usage(format!("no call `{call}` waits for people, or ever did"))
    })?;
    let mut told = told(&hold, &roster);
    match exact(&records, &hold) {
        Ok(text) => told.arguments = Some(text),
        Err(why) => told.not_shown = Some(why),
    }
    Ok(told)
}

fn read(place: &Place) -> Result<(Records, BTreeMap<CallId, Hold>, Roster), CommandError> {
    let records = place.open()?;
    let (mut holds, mut roster) = (BTreeMap::<CallId, Hold>::new(), Roster::default());
    each(&records, |envelope| {
        roster.apply(envelope);
        if let Some(hold) = Hold::begin(envelope) {
            holds.insert(hold.id, hold);
        } else if let Event::PersonRevoked(fact) = &envelope.event {
            for hold in holds.values_mut().filter(|hold| hold.state.is_pending()) {
                hold.void_votes_of(&fact.email);
            }
        } else if let Some(step) = Step::of(&envelope.event)
            && let Some(hold) = envelope.call.and_then(|call| holds.get_mut(&call))
        {
            hold.apply(envelope.id, envelope.time, step);
        }
        Ok(())
    })?;
    Ok((records, holds, roster))
}

/// What is decided on: the arguments of a tool call, of anything else all of the request; else why
/// it cannot be shown.
fn exact(records: &Records, hold: &Hold) -> Result<String, String> {
    let Some(request) = &hold.request else { return Ok("{}".to_owned()) };
    let loaded = records.payload(hold.session, request).map_err(|unreadable| unreadable.brief)?;
    let bytes = loaded.ok_or_else(|| "it is not kept any more".to_owned())?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if hold.fact.operation != Operation::ExecuteTool {
        return Ok(text);
    }
    match json::check(&bytes, json::Limits::default()) {
        Ok(checked) => {
            let found = json::find(checked, &["params", "arguments"]);
            Ok(found.map_or("{}", |found| found.text).to_owned())
        }
        // Nothing of a request that is not understood is hidden.
        Err(_) => Ok(text),
    }
}

fn told(hold: &Hold, roster: &Roster) -> Told {
    let fact = &hold.fact;
    let context = Context {
        now: clock::now(),
        roster,
        no_answers_for: Duration::ZERO,
        break_glass: &[],
        is_claimed: false,
    };
    let progress = terms(hold, &context).progress(&hold.standing());
    let target = fact.target.as_deref().or(fact.model.as_deref()).unwrap_or(&fact.method);
    let vote = |cast: &approvals::hold::Cast| Cast {
        by: cast.fact.by.email.to_string(),
        for_person: cast.fact.for_person.as_ref().map(|person| person.email.to_string()),
        vote: cast.fact.vote,
        at: cast.at,
        reason: cast.fact.reason.clone(),
        version: cast.fact.version,
        void: cast.is_void,
    };
    let comments = hold.comments.iter().map(|said| Said {
        by: said.fact.by.email.to_string(),
        at: said.at,
        text: said.fact.text.clone(),
    });
    Told {
        id: hold.id,
        session: hold.session,
        state: hold.state.word().to_owned(),
        version: hold.version,
        digest: hold.digest,
        agent: fact.principal.agent.to_string(),
        team: fact.principal.team.to_string(),
        owner: fact.principal.owner.to_string(),
        upstream: fact.upstream.to_string(),
        target: target.to_owned(),
        risk: fact.rule.risk,
        asked: hold.at,
        expires: fact.expires,
        waiting: 0,
        policies: fact.verdict.policies.iter().map(ToString::to_string).collect(),
        reason: fact.verdict.reason.clone(),
        needs: progress.words(),
        approved: progress.approved,
        rejected: progress.rejected,
        reason_required: fact.rule.reason,
        votes: hold.votes.iter().map(vote).collect(),
        comments: comments.collect(),
        arguments: None,
        not_shown: None,
        may_not_vote: None,
    }
}
