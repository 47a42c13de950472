//! Which policies can match a call at all: by their heads, so that a decision looks only at those.

use cedar_policy::{ActionConstraint, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};
use std::collections::BTreeMap;

/// The head of a policy: `(principal …, action …, resource …)`.
#[derive(Debug)]
pub(crate) struct Scope {
    principal: PrincipalConstraint,
    action: ActionConstraint,
    resource: ResourceConstraint,
}

/// A call's principal, action and resource, each with all that it is in, itself first.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) principal: &'a [EntityUid],
    pub(crate) action: &'a [EntityUid],
    pub(crate) resource: &'a [EntityUid],
}

impl Scope {
    pub(crate) fn of(policy: &Policy) -> Self {
        Self {
            principal: policy.principal_constraint(),
            action: policy.action_constraint(),
            resource: policy.resource_constraint(),
        }
    }

    /// The actions that it is about; none if it is about all.
    pub(crate) fn actions(&self) -> &[EntityUid] {
        match &self.action {
            ActionConstraint::Any => &[],
            ActionConstraint::In(actions) => actions,
            ActionConstraint::Eq(action) => std::slice::from_ref(action),
        }
    }

    pub(crate) fn matches(&self, place: Place<'_>) -> bool {
        let is = |within: &[EntityUid], kind: &_| {
            within.first().is_some_and(|itself| itself.type_name() == kind)
        };
        let principal = match &self.principal {
            PrincipalConstraint::Any => true,
            PrincipalConstraint::In(group) => place.principal.contains(group),
            PrincipalConstraint::Eq(one) => place.principal.first() == Some(one),
            PrincipalConstraint::Is(kind) => is(place.principal, kind),
            PrincipalConstraint::IsIn(kind, group) => {
                is(place.principal, kind) && place.principal.contains(group)
            }
        };
        let action = match &self.action {
            ActionConstraint::Any => true,
            ActionConstraint::In(groups) => groups.iter().any(|group| place.action.contains(group)),
            ActionConstraint::Eq(one) => place.action.first() == Some(one),
        };
        let resource = match &self.resource {
            ResourceConstraint::Any => true,
            ResourceConstraint::In(group) => place.resource.contains(group),
            ResourceConstraint::Eq(one) => place.resource.first() == Some(one),
            ResourceConstraint::Is(kind) => is(place.resource, kind),
            ResourceConstraint::IsIn(kind, group) => {
                is(place.resource, kind) && place.resource.contains(group)
            }
        };
        principal && action && resource
    }
}

/// Policies by one name of their head each: of the principal, else the resource, else the actions.
#[derive(Debug, Default)]
pub(crate) struct Index {
    named: BTreeMap<EntityUid, Vec<usize>>,
    general: Vec<usize>,
}

impl Index {
    pub(crate) fn add(&mut self, policy: usize, scope: &Scope) {
        let principal = match &scope.principal {
            PrincipalConstraint::In(one)
            | PrincipalConstraint::Eq(one)
            | PrincipalConstraint::IsIn(_, one) => Some(one),
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
        };
        let resource = match &scope.resource {
            ResourceConstraint::In(one)
            | ResourceConstraint::Eq(one)
            | ResourceConstraint::IsIn(_, one) => Some(one),
            ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
        };
        let names = principal.or(resource).map_or(scope.actions(), std::slice::from_ref);
        if names.is_empty() && matches!(scope.action, ActionConstraint::Any) {
            self.general.push(policy);
        }
        for name in names {
            self.named.entry(name.clone()).or_default().push(policy);
        }
    }

    /// All policies that can match there, and perhaps some that can't, in order and each once.
    pub(crate) fn candidates(&self, place: Place<'_>) -> Vec<usize> {
        let names = place.principal.iter().chain(place.action).chain(place.resource);
        let mut found = self.general.clone();
        for policies in names.filter_map(|name| self.named.get(name)) {
            found.extend_from_slice(policies);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
