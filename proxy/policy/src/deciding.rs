//! Decides: asks of a call whether it may be done at all, and whether it may be done unattended.

use crate::annotation::Guard;
use crate::entity::{Directory, Known};
use crate::policies::{Compiled, Policies};
use crate::question::{Answer, Circumstances, Kind, Question};
use crate::scope::Place;
use cedar_policy::{
    Context, Effect, Entities, EntityUid, EvalResult, EvaluationError, Request, eval_expression,
};
use events::{Decision, HoldRule, Verdict};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whether a policy matches a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    No,
    Yes,
    /// It can't be told: what went wrong.
    Failed(String),
}

/// A policy, and whether it matches in the first question and in the second.
pub(crate) struct Matched<'a> {
    pub(crate) policy: &'a Compiled,
    pub(crate) attended: Match,
    pub(crate) unattended: Match,
}

impl Policies {
    /// Decides; the same question always gets the same answer. What can't be decided is denied.
    pub fn decide(&self, question: &Question<'_>) -> Answer {
        let matched = match self.matched(question) {
            Ok(matched) => matched,
            Err(problem) => {
                let reason = Some(format!("the policies could not be asked: {problem}"));
                let verdict = Verdict { decision: Decision::Deny, policies: Vec::new(), reason };
                return Answer { verdict, rule: None, shadow: None };
            }
        };
        let is_shadow = |one: &&Matched<'_>| one.policy.annotations.is_shadow;
        let enforced: Vec<&Matched<'_>> = matched.iter().filter(|one| !is_shadow(one)).collect();
        let (verdict, rule) = combine(question, &enforced);
        let shadow = (enforced.len() < matched.len())
            .then(|| combine(question, &matched.iter().collect::<Vec<_>>()).0)
            .filter(|shadow| shadow.decision != verdict.decision);
        Answer { verdict, rule, shadow }
    }

    /// Every policy that could match, and whether it does.
    pub(crate) fn matched(&self, question: &Question<'_>) -> Result<Vec<Matched<'_>>, String> {
        let (case, candidates) = self.candidates(question)?;
        let entities = case.entities(&self.directory, &candidates)?;
        if !candidates.iter().any(|policy| policy.mentions.context()) {
            let request = case.request(Context::empty())?;
            let all = candidates.into_iter().map(|policy| {
                let attended = evaluate(policy, &request, &entities);
                Matched { policy, unattended: attended.clone(), attended }
            });
            return Ok(all.collect());
        }
        let circumstances = Circumstances::of(question, question.kind.fields(&self.directory))?;
        let attended = case.request(circumstances.context(false)?)?;
        let unattended = case.request(circumstances.context(true)?)?;
        let matched = candidates.into_iter().map(|policy| {
            let Circumstances { left_out, has_text, .. } = &circumstances;
            let blind = policy.mentions.blind(left_out, *has_text);
            let mut first = evaluate(policy, &attended, &entities);
            let mut second = if policy.mentions.unattended() {
                evaluate(policy, &unattended, &entities)
            } else {
                first.clone()
            };
            if let Some(name) = blind {
                second = Match::Failed(format!("`{name}` can't be inspected"));
                // One that holds calls may look at arguments only where nobody attends.
                if !policy.mentions.unattended() {
                    first = second.clone();
                }
            }
            Matched { policy, attended: first, unattended: second }
        });
        Ok(matched.collect())
    }

    /// The question with every entity that there is, for the other opinion.
    #[cfg(test)]
    pub(crate) fn everything(
        &self,
        question: &Question<'_>,
        unattended: bool,
    ) -> Result<(Request, Entities), String> {
        let (case, _) = self.candidates(question)?;
        let circumstances = Circumstances::of(question, question.kind.fields(&self.directory))?;
        let request = case.request(circumstances.context(unattended)?)?;
        let own = case.own().map(|known| known.entity.clone());
        let all = self.directory.everything.clone();
        let all = all.upsert_entities(own, None).map_err(|error| error.to_string())?;
        Ok((request, all))
    }

    fn candidates(&self, question: &Question<'_>) -> Result<(Case<'_>, Vec<&Compiled>), String> {
        let Question { agent, team, owner, kind, .. } = question;
        let (action, resource) = kind.place(&self.directory)?;
        let principal = self.directory.agent(agent, team, owner)?;
        let case = Case { principal, action, resource, owner: self.directory.person(owner)? };
        let place = case.place();
        let candidates = self.index.candidates(place).into_iter();
        let candidates = candidates.filter_map(|number| self.compiled.get(number));
        let candidates = candidates.filter(|policy| policy.scope.matches(place)).collect();
        Ok((case, candidates))
    }

    /// Whether an agent could be let call a tool, whatever the arguments and the moment: what
    /// `tools/list` shows. In doubt it could.
    pub fn may_call(&self, agent: &str, team: &str, owner: &str, tool: (&str, &str)) -> bool {
        let kind = Kind::Tool { server: tool.0, name: tool.1, arguments: None };
        let (session, now) = <_>::default();
        let question = Question { agent, team, owner, actors: &[], kind, session, now };
        self.could_call(&question).unwrap_or(false)
    }

    fn could_call(&self, question: &Question<'_>) -> Result<bool, String> {
        let (case, mut candidates) = self.candidates(question)?;
        candidates.retain(|policy| !policy.annotations.is_shadow);
        let entities = case.entities(&self.directory, &candidates)?;
        let request = case.request(Context::empty())?;
        let mut is_permitted = false;
        for policy in candidates {
            match policy.effect {
                // Some moment could satisfy it.
                Effect::Permit if policy.mentions.context() => is_permitted = true,
                Effect::Permit => {
                    is_permitted |= evaluate(policy, &request, &entities) == Match::Yes;
                }
                Effect::Forbid if policy.mentions.context() => {}
                Effect::Forbid => {
                    if evaluate(policy, &request, &entities) != Match::No {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(is_permitted)
    }
}

/// Who asks for what, with all that is known of both.
struct Case<'a> {
    principal: Cow<'a, Known>,
    action: Cow<'a, Known>,
    resource: Cow<'a, Known>,
    owner: Cow<'a, Known>,
}

impl Case<'_> {
    fn own(&self) -> impl Iterator<Item = &Known> {
        [&self.principal, &self.action, &self.resource, &self.owner].into_iter().map(Cow::as_ref)
    }

    fn place(&self) -> Place<'_> {
        Place {
            principal: &self.principal.within,
            action: &self.action.within,
            resource: &self.resource.within,
        }
    }

    fn request(&self, context: Context) -> Result<Request, String> {
        let (principal, action) = (self.principal.uid(), self.action.uid());
        Request::new(principal, action, self.resource.uid(), context, None)
            .map_err(|error| error.to_string())
    }

    /// What the conditions can look at: everything that is known, if that has all of the call's
    /// own; else only those, and what the conditions name.
    fn entities<'b>(
        &self,
        directory: &'b Directory,
        looking: &[&Compiled],
    ) -> Result<Cow<'b, Entities>, String> {
        let Self { principal, action, resource, owner } = self;
        let own = [principal, action, resource, owner];
        if own.iter().all(|known| matches!(known, Cow::Borrowed(_))) {
            return Ok(Cow::Borrowed(&directory.everything));
        }
        let mut all: BTreeMap<EntityUid, &Known> = looking
            .iter()
            .flat_map(|policy| &policy.mentions.entities)
            .flat_map(|named| directory.named(named))
            .map(|known| (known.uid(), known))
            .collect();
        all.extend(self.own().map(|known| (known.uid(), known)));
        Entities::from_entities(all.into_values().map(|known| known.entity.clone()), None)
            .map(Cow::Owned)
            .map_err(|error| error.to_string())
    }
}

fn evaluate(policy: &Compiled, request: &Request, entities: &Entities) -> Match {
    let Some(condition) = &policy.condition else { return Match::Yes };
    match eval_expression(request, entities, condition) {
        Ok(EvalResult::Bool(true)) => Match::Yes,
        Ok(EvalResult::Bool(false)) => Match::No,
        Ok(_) => Match::Failed("its condition is neither true nor false".to_owned()),
        Err(error) => Match::Failed(failure(&error).to_owned()),
    }
}

/// What went wrong, without values: they are the call's content, and verdicts are kept for good.
fn failure(error: &EvaluationError) -> &'static str {
    match error {
        EvaluationError::EntityDoesNotExist(_) => "it asks about an entity that is not known",
        EvaluationError::EntityAttrDoesNotExist(_) | EvaluationError::RecordAttrDoesNotExist(_) => {
            "it asks for an attribute that is not there"
        }
        EvaluationError::TypeError(_) => "it asks for another type than is there",
        EvaluationError::IntegerOverflow(_) => "a number is too large",
        EvaluationError::RecursionLimit(_) => "it is nested too deep",
        EvaluationError::FailedExtensionFunctionExecution(_)
        | EvaluationError::FailedExtensionFunctionLookup(_)
        | EvaluationError::WrongNumArguments(_) => "a function failed",
        EvaluationError::UnlinkedSlot(_) | EvaluationError::NonValue(_) => "it has no value",
    }
}

/// What all of them together answer.
fn combine(question: &Question<'_>, all: &[&Matched<'_>]) -> (Verdict, Option<HoldRule>) {
    let of = |effect: Effect| all.iter().filter(move |one| one.policy.effect == effect);
    let forbid = |second: bool| -> Vec<&Matched<'_>> {
        of(Effect::Forbid).filter(|one| *one.answer(second) != Match::No).copied().collect()
    };
    let permit = |second: bool| -> Vec<&Matched<'_>> {
        of(Effect::Permit).filter(|one| *one.answer(second) == Match::Yes).copied().collect()
    };
    let forbidding = forbid(false);
    if !forbidding.is_empty() {
        return (verdict(Decision::Deny, &forbidding, Some(reason(&forbidding, false))), None);
    }
    let permitting = permit(false);
    if permitting.is_empty() {
        let reason = unpermitted(question, of(Effect::Permit));
        return (verdict(Decision::Deny, &[], Some(reason)), None);
    }
    let holding = match (forbid(true), permit(true)) {
        (forbidding, _) if !forbidding.is_empty() => forbidding,
        (_, unattended) if !unattended.is_empty() => {
            return (verdict(Decision::Allow, &unattended, None), None);
        }
        (_, _) => permitting,
    };
    let guards = holding.iter().map(|one| &one.policy.annotations.guard);
    let rule: HoldRule = Guard::joined(guards);
    (verdict(Decision::Hold, &holding, Some(reason(&holding, true))), Some(rule))
}

impl Matched<'_> {
    fn answer(&self, second: bool) -> &Match {
        if second { &self.unattended } else { &self.attended }
    }
}

fn verdict(decision: Decision, by: &[&Matched<'_>], reason: Option<String>) -> Verdict {
    let policies = by.iter().map(|one| Arc::clone(&one.policy.name)).collect();
    Verdict { decision, policies, reason }
}

/// Why, in the words of the policies where they have some.
fn reason(by: &[&Matched<'_>], second: bool) -> String {
    let does = match (second, by.first().map(|one| one.policy.effect)) {
        (false, _) => "forbids this",
        (true, Some(Effect::Permit)) => "permits this only if a person agrees",
        (true, _) => "wants a person to agree to this",
    };
    let mut reasons: Vec<String> = Vec::new();
    for one in by {
        let name = &one.policy.name;
        let reason = match (one.answer(second), &one.policy.annotations.why) {
            (Match::Failed(problem), _) if one.policy.effect == Effect::Forbid => {
                format!("policy `{name}` could not be applied and counts as forbidding: {problem}")
            }
            (_, Some(why)) => why.to_string(),
            (_, None) => format!("policy `{name}` {does}"),
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons.join("; ")
}

fn unpermitted<'a>(
    question: &Question<'_>,
    permits: impl Iterator<Item = &'a &'a Matched<'a>>,
) -> String {
    let mut reason = format!("no policy permits agent `{}` to {}", question.agent, question.kind);
    for one in permits {
        if let Match::Failed(problem) = &one.attended {
            reason.push_str("; policy `");
            reason.push_str(&one.policy.name);
            reason.push_str("` could not be applied: ");
            reason.push_str(problem);
        }
    }
    reason
}
