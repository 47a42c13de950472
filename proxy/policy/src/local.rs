//! Tools that agents run themselves, as policies name them: as those of a server that there is not.

use crate::condition::Mentions;
use crate::facts::LOCAL;
use crate::scope::Scope;
use cedar_policy::{EntityUid, Policy};
use std::collections::BTreeSet;

/// What policies say of tools that agents run themselves. They are judged if any policy names
/// them, whichever way; policies for whatever is called do not say that they are meant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Local {
    /// Whether they are named at all, alone or together.
    pub(crate) is_named: bool,
    /// Those that are named alone.
    pub(crate) tools: BTreeSet<String>,
}

impl Local {
    /// What one policy names.
    pub(crate) fn of(policy: &Policy, scope: &Scope, mentions: &Mentions) -> Self {
        let mut local = Self { is_named: mentions.local(), tools: BTreeSet::new() };
        let literals = policy.entity_literals();
        for named in literals.iter().chain(scope.actions()).chain(&mentions.entities) {
            local.add(named);
        }
        local
    }

    /// What another names besides.
    pub(crate) fn join(&mut self, other: &Self) {
        self.is_named |= other.is_named;
        self.tools.extend(other.tools.iter().cloned());
    }

    fn add(&mut self, named: &EntityUid) {
        let name = named.id().unescaped();
        match (named.type_name().basename(), name.split_once('/')) {
            ("Server", _) if name == LOCAL => self.is_named = true,
            ("Tool" | "Action", Some((LOCAL, tool))) => {
                self.is_named = true;
                self.tools.insert(tool.to_owned());
            }
            (_, _) => {}
        }
    }
}
