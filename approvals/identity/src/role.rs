//! What people may do: roles, the rights of each, and which groups have which role.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What a person is here. A person may be several.
///
/// An administrator does not vote by being one: whoever appoints approvers should not be able to
/// approve without that appointment being on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Decides on held calls.
    Approver,
    /// Asks questions about what was recorded.
    Analyst,
    /// Sees everything, hands out evidence, erases and keeps from erasure.
    Compliance,
    /// Keeps the gateway running, and stops agents.
    Operator,
    /// Says who is who, and which policy holds.
    Administrator,
}

/// One thing that a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// See held calls and their votes.
    ViewInbox,
    /// Vote on held calls, where the rule of the hold says so too.
    Vote,
    /// See sessions, calls and their payloads.
    ViewSessions,
    /// Run queries and reports.
    Query,
    /// Take evidence out.
    Export,
    /// Erase payloads, place and lift legal holds.
    Erase,
    /// See figures, files and the state of the gateway.
    Operate,
    /// See and propose policies.
    ManagePolicy,
    /// Invite, disable, and give roles.
    ManagePeople,
    /// Stop an agent, at once and everywhere.
    RevokeAgents,
    /// Let a held call go without the votes it needs, on record.
    BreakGlass,
}

impl Role {
    /// All of them.
    pub const ALL: &[Self] =
        &[Self::Approver, Self::Analyst, Self::Compliance, Self::Operator, Self::Administrator];

    /// What it may do.
    pub const fn rights(self) -> &'static [Right] {
        match self {
            Self::Approver => &[Right::ViewInbox, Right::Vote, Right::ViewSessions],
            Self::Analyst => &[Right::ViewSessions, Right::Query],
            Self::Compliance => {
                &[Right::ViewInbox, Right::ViewSessions, Right::Query, Right::Export, Right::Erase]
            }
            Self::Operator => &[Right::ViewInbox, Right::Operate, Right::RevokeAgents],
            Self::Administrator => &[
                Right::ViewInbox,
                Right::Operate,
                Right::ManagePolicy,
                Right::ManagePeople,
                Right::RevokeAgents,
                Right::BreakGlass,
            ],
        }
    }

    /// Whether it has this right.
    pub fn may(self, right: Right) -> bool {
        self.rights().contains(&right)
    }

    /// As configuration, events and pages write it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Approver => "approver",
            Self::Analyst => "analyst",
            Self::Compliance => "compliance",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

/// Why a text is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no role: say `approver`, `analyst`, `compliance`, `operator` or `administrator`")]
pub struct RoleUnknown(String);

impl FromStr for Role {
    type Err = RoleUnknown;

    fn from_str(text: &str) -> Result<Self, RoleUnknown> {
        let found = Self::ALL.iter().find(|role| role.text() == text);
        found.copied().ok_or_else(|| RoleUnknown(text.chars().take(64).collect()))
    }
}

/// Which groups of an identity provider have which roles here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRoles(BTreeMap<Arc<str>, BTreeSet<Role>>);

impl GroupRoles {
    /// Gives every member of the group the role.
    pub fn give(&mut self, group: &str, role: Role) {
        self.0.entry(group.into()).or_default().insert(role);
    }

    /// The roles of somebody in these groups. Groups are compared byte by byte.
    pub fn of<'a>(&self, groups: impl IntoIterator<Item = &'a Arc<str>>) -> BTreeSet<Role> {
        groups.into_iter().filter_map(|group| self.0.get(group)).flatten().copied().collect()
    }

    /// Whether a group is named at all.
    pub fn names(&self, group: &str) -> bool {
        self.0.contains_key(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_read_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.text().parse(), Ok(*role));
            assert_eq!(serde_json::to_string(role).unwrap(), format!("\"{role}\""));
        }
        assert!("Approver".parse::<Role>().is_err());
    }

    #[test]
    fn only_approvers_vote_and_only_administrators_manage_people() {
        let may = |right| Role::ALL.iter().copied().filter(move |role| role.may(right));
        assert_eq!(may(Right::Vote).collect::<Vec<_>>(), [Role::Approver]);
        assert_eq!(may(Right::ManagePeople).collect::<Vec<_>>(), [Role::Administrator]);
        assert_eq!(may(Right::Export).collect::<Vec<_>>(), [Role::Compliance]);
    }

    #[test]
    fn groups_give_roles_and_unknown_groups_give_none() {
        let mut roles = GroupRoles::default();
        roles.give("finance", Role::Approver);
        roles.give("finance", Role::Analyst);
        let groups = |names: &[&str]| names.iter().map(|name| Arc::from(*name)).collect::<Vec<_>>();
        assert_eq!(
            roles.of(&groups(&["finance", "all"])),
            BTreeSet::from([Role::Approver, Role::Analyst])
        );
        assert_eq!(roles.of(&groups(&["Finance", "all"])), BTreeSet::new());
    }
}
