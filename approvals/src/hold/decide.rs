//! What follows from a command.

use super::{Ballot, Command, Context, Edition, Hold, Refusal, State, Step, Voter, digest_of};
use crate::roster::same_email;
use crate::threshold::{Ineligible, Seat, Tally, Terms, is_double};
use crate::time::after;
use events::{
    BreakGlass, Channel, EventId, HoldCommented, HoldEdited, HoldExpired, HoldGranted, HoldLeft,
    HoldRefused, HoldRejoined, HoldViewed, HoldVoted, HoldWithdrawn, Person, REMARK_CHARACTERS_MAX,
    Timestamp, Vote,
};
use std::sync::Arc;
use std::time::Duration;

/// What has to be recorded to carry out a command, in one batch; nothing where all that is wanted
/// is so already.
pub fn decide(hold: &Hold, command: &Command, context: &Context<'_>) -> Result<Vec<Step>, Refusal> {
    match command {
        Command::Vote(id, ballot) => vote(hold, *id, ballot, context),
        Command::Edit(edition) => edit(hold, edition, context),
        Command::Comment(voter, text) => comment(voter, text, context),
        Command::View(person, digest) => Ok(view(hold, person, *digest)),
        Command::BreakGlass(ballot) => break_glass(hold, ballot, context),
        Command::TakeBack(voter, reason) => take_back(hold, voter, reason, context),
        Command::Withdraw(by, reason) => withdraw(hold, by, reason, context),
        Command::Rejoin(by) => {
            let step = Step::Rejoined(HoldRejoined { by: Arc::clone(by) });
            Ok(if hold.state.is_final() { Vec::new() } else { vec![step] })
        }
        Command::Leave(detail) => {
            let step = Step::Left(HoldLeft { detail: detail.clone() });
            let nobody_minds = hold.state.is_final() || context.is_claimed || !hold.is_attended;
            Ok(if nobody_minds { Vec::new() } else { vec![step] })
        }
        Command::Expire => Ok(expire(hold, context).into_iter().collect()),
        Command::Settle => Ok(settle(hold, context).into_iter().collect()),
    }
}

/// What decides whose votes on a hold count.
pub fn terms<'a>(hold: &'a Hold, context: &Context<'a>) -> Terms<'a> {
    Terms {
        rule: &hold.fact.rule,
        principal: &hold.fact.principal,
        editor: hold.editor(),
        roster: context.roster,
        now: context.now,
    }
}

fn vote(
    hold: &Hold,
    id: EventId,
    ballot: &Ballot,
    context: &Context<'_>,
) -> Result<Vec<Step>, Refusal> {
    check_rights(&ballot.voter, context)?;
    let fact = voted(ballot, context)?;
    if is_said(hold, &fact) {
        return Ok(Vec::new());
    }
    check_open(hold, context.now)?;
    check_shown(hold, ballot)?;
    let seat = Seat::of(&fact);
    terms(hold, context).eligible(seat)?;
    let mut standing = hold.standing();
    if let Some((_, other)) = standing.iter().find(|(_, it)| is_double(seat, Seat::of(it))) {
        let by = Arc::clone(&Seat::of(other).person.email);
        return Err(Refusal::AlreadyVoted { by, vote: other.vote });
    }
    check_remark(ballot.reason.as_deref())?;
    if hold.fact.rule.reason && ballot.vote == Vote::Approve {
        require(ballot.reason.as_deref())?;
    }
    if hold.fact.rule.step_up && ballot.vote == Vote::Approve && ballot.assertion.is_none() {
        return Err(Refusal::PasskeyRequired);
    }
    match ballot.voter.channel {
        Channel::Web if ballot.view.is_none() => return Err(Refusal::ViewRequired),
        Channel::Web | Channel::Api | Channel::Cli => {}
    }
    standing.push((id, &fact));
    let decision = conclude(hold, &terms(hold, context).tally(&standing), context);
    Ok([Step::Voted(Box::new(fact))].into_iter().chain(decision).collect())
}

/// The vote that a ballot is; in another's place, it counts for what the other gave.
fn voted(ballot: &Ballot, context: &Context<'_>) -> Result<HoldVoted, Refusal> {
    let voter = &ballot.voter;
    let mut fact = HoldVoted {
        assertion: ballot.assertion.clone(),
        by: voter.person.clone(),
        channel: voter.channel,
        digest: ballot.digest,
        for_person: None,
        groups: voter.groups.clone(),
        reason: ballot.reason.clone(),
        roles: voter.roles.clone(),
        sign_in: voter.sign_in.clone(),
        version: ballot.version,
        view: ballot.view.clone(),
        vote: ballot.vote,
    };
    if let Some(from) = &ballot.for_person {
        let to = &voter.person.email;
        let Some(delegation) = context.roster.delegation(from, to, context.now) else {
            return Err(Refusal::NotDelegated { from: Arc::clone(from), to: Arc::clone(to) });
        };
        fact.for_person = Some(delegation.from.clone());
        fact.groups.clone_from(&delegation.groups);
        fact.roles.clone_from(&delegation.roles);
    }
    Ok(fact)
}

/// Whether this very vote is on record already, so that to give it again changes nothing.
fn is_said(hold: &Hold, vote: &HoldVoted) -> bool {
    hold.standing().iter().any(|(_, other)| {
        let same_voice = other.by.id == vote.by.id && other.for_person == vote.for_person;
        let same_call = other.version == vote.version && other.digest == vote.digest;
        same_voice && same_call && other.vote == vote.vote
    })
}

fn check_rights(voter: &Voter, context: &Context<'_>) -> Result<(), Refusal> {
    let email = &voter.person.email;
    if context.roster.revoked_person(email).is_some() {
        return Err(Ineligible::Revoked(Arc::clone(email)).into());
    }
    if voter.sign_in.as_deref().is_some_and(|it| context.roster.is_signed_out(it)) {
        return Err(Refusal::SignedOut);
    }
    Ok(())
}

fn check_open(hold: &Hold, now: Timestamp) -> Result<(), Refusal> {
    let state = hold.state.word();
    match hold.state {
        State::Pending if now < hold.fact.expires => Ok(()),
        State::Pending => Err(Refusal::TooLate { expires: hold.fact.expires }),
        State::Granted { at, .. }
        | State::Refused { at, .. }
        | State::Expired { at, .. }
        | State::Withdrawn { at, .. }
        | State::Dispatched { at, .. } => Err(Refusal::Decided { state, at }),
    }
}

fn check_shown(hold: &Hold, ballot: &Ballot) -> Result<(), Refusal> {
    if ballot.version == hold.version && ballot.digest == hold.digest {
        return Ok(());
    }
    Err(Refusal::Stale { version: hold.version, digest: hold.digest })
}

fn check_remark(text: Option<&str>) -> Result<(), Refusal> {
    let characters = text.map_or(0, |text| text.chars().count());
    if REMARK_CHARACTERS_MAX < characters {
        return Err(Refusal::TooLong { characters });
    }
    Ok(())
}

fn require(reason: Option<&str>) -> Result<(), Refusal> {
    check_remark(reason)?;
    let is_given = reason.is_some_and(|reason| !reason.trim().is_empty());
    if is_given { Ok(()) } else { Err(Refusal::ReasonRequired) }
}

/// The decision that votes come to.
fn conclude(hold: &Hold, tally: &Tally, context: &Context<'_>) -> Option<Step> {
    match tally {
        Tally::Open => None,
        Tally::Approved(votes) => Some(Step::Granted(granted(hold, votes.clone(), context))),
        Tally::Rejected(votes) => Some(Step::Refused(HoldRefused {
            digest: hold.digest,
            until: after(context.now, context.no_answers_for),
            votes: votes.clone(),
        })),
    }
}

fn granted(hold: &Hold, votes: Vec<EventId>, context: &Context<'_>) -> HoldGranted {
    let claim_until = after(context.now, Duration::from_secs(hold.fact.rule.claim_s));
    HoldGranted { break_glass: None, claim_until, digest: hold.digest, votes }
}

fn edit(hold: &Hold, edition: &Edition, context: &Context<'_>) -> Result<Vec<Step>, Refusal> {
    check_rights(&edition.voter, context)?;
    check_open(hold, context.now)?;
    if !hold.fact.rule.edit {
        return Err(Refusal::EditForbidden);
    }
    if edition.version != hold.version || edition.shown != hold.digest {
        return Err(Refusal::Stale { version: hold.version, digest: hold.digest });
    }
    // Whoever made this version may go on with it.
    let terms = Terms { editor: None, ..terms(hold, context) };
    terms.eligible(seat_of(&edition.voter))?;
    check_remark(edition.reason.as_deref())?;
    let digest = digest_of(&hold.fact, Some(&edition.request));
    if digest == hold.digest || hold.arguments == Some(edition.arguments) {
        return Err(Refusal::Unchanged);
    }
    Ok(vec![Step::Edited(HoldEdited {
        arguments: edition.arguments,
        by: edition.voter.person.clone(),
        digest,
        reason: edition.reason.clone(),
        request: edition.request,
        version: hold.version.saturating_add(1),
    })])
}

fn seat_of(voter: &Voter) -> Seat<'_> {
    let person = &voter.person;
    Seat { person, hand: person, groups: &voter.groups, roles: &voter.roles }
}

fn comment(voter: &Voter, text: &str, context: &Context<'_>) -> Result<Vec<Step>, Refusal> {
    check_rights(voter, context)?;
    check_remark(Some(text))?;
    if text.trim().is_empty() {
        return Err(Refusal::Empty);
    }
    let (by, text) = (voter.person.clone(), text.to_owned());
    Ok(vec![Step::Commented(HoldCommented { by, text })])
}

/// To look twice at the same is said once.
fn view(hold: &Hold, person: &Person, view: events::Digest) -> Vec<Step> {
    let is_same = |it: &HoldViewed| it.view == view && it.by.id == person.id;
    if !hold.state.is_pending() || hold.views.iter().any(|said| is_same(&said.fact)) {
        return Vec::new();
    }
    vec![Step::Viewed(HoldViewed { by: person.clone(), view })]
}

fn break_glass(hold: &Hold, ballot: &Ballot, context: &Context<'_>) -> Result<Vec<Step>, Refusal> {
    check_rights(&ballot.voter, context)?;
    check_open(hold, context.now)?;
    check_shown(hold, ballot)?;
    let voter = &ballot.voter;
    let person = Arc::clone(&voter.person.email);
    if !context.break_glass.iter().any(|role| voter.roles.contains(role)) {
        let roles = context.break_glass.join(", ");
        return Err(Refusal::NoBreakGlass { person, roles });
    }
    match terms(hold, context).eligible(seat_of(voter)) {
        // The right is that of a role, not of those who are asked.
        Ok(()) | Err(Ineligible::NotAsked { .. }) => {}
        Err(why) => return Err(why.into()),
    }
    require(ballot.reason.as_deref())?;
    let reason = ballot.reason.clone().unwrap_or_default();
    let by = voter.person.clone();
    let granted = granted(hold, Vec::new(), context);
    Ok(vec![Step::Granted(HoldGranted { break_glass: Some(BreakGlass { by, reason }), ..granted })])
}

/// Whoever may decide a call may take it back, and so may the person the agent acts for.
fn take_back(
    hold: &Hold,
    voter: &Voter,
    reason: &str,
    context: &Context<'_>,
) -> Result<Vec<Step>, Refusal> {
    check_rights(voter, context)?;
    require(Some(reason))?;
    let person = &voter.person.email;
    let seat = seat_of(voter);
    let mut thresholds = hold.fact.rule.approvers.iter().flatten();
    let has_say = thresholds.any(|threshold| seat.is_meant(&threshold.filter))
        || same_email(&hold.fact.principal.owner, person)
        || context.break_glass.iter().any(|role| voter.roles.contains(role));
    if !has_say {
        return Err(Refusal::NoSay { person: Arc::clone(person) });
    }
    withdraw(hold, person, reason, context)
}

fn withdraw(
    hold: &Hold,
    by: &Arc<str>,
    reason: &str,
    context: &Context<'_>,
) -> Result<Vec<Step>, Refusal> {
    let state = hold.state.word();
    match hold.state {
        State::Granted { .. } if context.is_claimed => Err(Refusal::BeingMade),
        State::Pending | State::Granted { .. } => Ok(vec![withdrawn(by, reason)]),
        // To take back what was taken back changes nothing.
        State::Withdrawn { .. } => Ok(Vec::new()),
        State::Refused { at, .. } | State::Expired { at, .. } | State::Dispatched { at, .. } => {
            Err(Refusal::Decided { state, at })
        }
    }
}

fn withdrawn(by: &Arc<str>, reason: &str) -> Step {
    Step::Withdrawn(HoldWithdrawn { by: Arc::clone(by), reason: reason.to_owned() })
}

fn expire(hold: &Hold, context: &Context<'_>) -> Option<Step> {
    if context.is_claimed || hold.due().is_none_or(|due| context.now < due) {
        return None;
    }
    let granted = !hold.state.is_pending();
    // Who was granted a call and did not make it may ask again at once.
    let time = if granted { Duration::ZERO } else { context.no_answers_for };
    Some(Step::Expired(HoldExpired { granted, until: after(context.now, time) }))
}

fn settle(hold: &Hold, context: &Context<'_>) -> Option<Step> {
    let principal = &hold.fact.principal;
    if !hold.state.is_final() && !context.is_claimed {
        let reason = if let Some(revoked) = context.roster.revoked_agent(&principal.agent) {
            Some(format!("agent `{}` is revoked: {}", revoked.agent, revoked.reason))
        } else {
            let revoked = context.roster.revoked_person(&principal.owner);
            revoked.map(|it| format!("`{}`, for whom it is, is revoked: {}", it.email, it.reason))
        };
        if let Some(reason) = reason {
            return Some(withdrawn(&"gateway".into(), &reason));
        }
    }
    if let Some(expired) = expire(hold, context) {
        return Some(expired);
    }
    if !hold.state.is_pending() {
        return None;
    }
    conclude(hold, &terms(hold, context).tally(&hold.standing()), context)
}
