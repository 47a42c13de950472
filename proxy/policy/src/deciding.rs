//! The two questions: may it be done at all, and may it be done unattended?

use crate::annotation::Guard;
use crate::entity::Known;
use crate::policies::{Compiled, Policies};
use crate::question::{Answer, Circumstances, Kind, Question};
use crate::scope::Place;
use cedar_policy::{Effect, Entities, EvalResult, EvaluationError, Request, eval_expression};
use events::{Decision, HoldRule, Verdict};
use std::collections::BTreeSet;
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
        let fields = question.kind.fields(&self.directory);
        let circumstances = Circumstances::of(question, fields)?;
        let entities = case.entities(self, &candidates)?;
        let attended = case.request(&circumstances, false)?;
        let unattended = case.request(&circumstances, true)?;
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
        let fields = question.kind.fields(&self.directory);
        let request = case.request(&Circumstances::of(question, fields)?, unattended)?;
        let own = [&case.principal, &case.action, &case.resource, &case.owner];
        let named: BTreeSet<_> = own.iter().map(|known| known.uid()).collect();
        let all = self.directory.all()?.into_iter().filter(|one| !named.contains(&one.uid()));
        let entities = own.into_iter().cloned().chain(all).map(|known| known.entity);
        let entities =
            Entities::from_entities(entities, None).map_err(|error| error.to_string())?;
        Ok((request, entities))
    }

    fn candidates(&self, question: &Question<'_>) -> Result<(Case, Vec<&Compiled>), String> {
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
        let question = Question {
            agent,
            team,
            owner,
            actors: &[],
            kind: Kind::Tool { server: tool.0, name: tool.1, arguments: None },
            session: <_>::default(),
            now: <_>::default(),
        };
        let Ok(matched) = self.matched(&question) else { return false };
        let enforced = || matched.iter().filter(|one| !one.policy.annotations.is_shadow);
        let is = |effect: Effect| enforced().filter(move |one| one.policy.effect == effect);
        let is_forbidden = is(Effect::Forbid)
            .any(|one| !one.policy.mentions.context() && one.attended != Match::No);
        let is_permitted = is(Effect::Permit)
            .any(|one| one.policy.mentions.context() || one.attended == Match::Yes);
        is_permitted && !is_forbidden
    }
}

/// Who asks for what, with all that is known of both.
struct Case {
    principal: Known,
    action: Known,
    resource: Known,
    owner: Known,
}

impl Case {
    fn place(&self) -> Place<'_> {
        Place {
            principal: &self.principal.within,
            action: &self.action.within,
            resource: &self.resource.within,
        }
    }

    fn request(&self, circumstances: &Circumstances, unattended: bool) -> Result<Request, String> {
        let context = circumstances.context(unattended)?;
        let (principal, action) = (self.principal.uid(), self.action.uid());
        Request::new(principal, action, self.resource.uid(), context, None)
            .map_err(|error| error.to_string())
    }

    /// What the conditions can look at: who asks and for whom, what is asked for, and what they
    /// name themselves.
    fn entities(&self, policies: &Policies, looking: &[&Compiled]) -> Result<Entities, String> {
        let mut all = vec![&self.principal, &self.action, &self.resource, &self.owner];
        let there: BTreeSet<_> = all.iter().filter_map(|known| known.within.first()).collect();
        let named: BTreeSet<_> = looking
            .iter()
            .flat_map(|policy| &policy.mentions.entities)
            .filter(|named| !there.contains(named))
            .collect();
        let named: Result<Vec<_>, _> =
            named.into_iter().map(|named| policies.directory.named(named)).collect();
        let named = named?;
        all.extend(named.iter().flatten());
        Entities::from_entities(all.into_iter().map(|known| known.entity.clone()), None)
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

/// What went wrong, without the values: they are the call's content, and verdicts are kept for good.
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
