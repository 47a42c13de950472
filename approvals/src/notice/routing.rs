//! Who is told.

use crate::roster::{Known, Roster};
use events::{Filter, Timestamp};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where notices go.
#[derive(Clone, Debug, Default)]
pub(super) struct Routing {
    /// How mails are sent, if they are.
    pub(super) mail: Option<MailRoute>,
    /// Who has which role by the configuration, whether or not they ever signed in.
    pub(super) role_holders: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// Who has which groups and roles by the ledger, and who has no rights any more.
    pub(super) roster: Roster,
    /// The names of the webhooks; each is told of every call.
    pub(super) webhooks: Vec<Arc<str>>,
}

/// How mails are sent.
#[derive(Clone, Debug)]
pub(super) struct MailRoute {
    /// The domain in the ids of messages.
    pub(super) domain: Arc<str>,
    /// Who gets what nobody else would get.
    pub(super) fallback: Vec<Arc<str>>,
    /// How many mails an addressee gets within an hour before further ones are gathered.
    pub(super) per_hour_max: usize,
}

/// Who is meant by what, at one moment; each filter is looked up once.
pub(super) struct Audience<'a> {
    meant: RefCell<BTreeMap<Filter, BTreeSet<Arc<str>>>>,
    now: Timestamp,
    routing: &'a Routing,
}

impl<'a> Audience<'a> {
    pub(super) const fn new(routing: &'a Routing, now: Timestamp) -> Self {
        Self { meant: RefCell::new(BTreeMap::new()), now, routing }
    }

    /// The names of the webhooks.
    pub(super) fn webhooks(&self) -> &'a [Arc<str>] {
        &self.routing.webhooks
    }

    /// Everybody whom one of `filters` means, but for `excluded`, which is in lower case; nobody if
    /// there are no mails.
    ///
    /// Where that is nobody, those of the fallback, who cannot be excluded.
    pub(super) fn mail_to<'f>(
        &self,
        filters: impl Iterator<Item = &'f Filter>,
        excluded: &BTreeSet<String>,
    ) -> BTreeSet<Arc<str>> {
        let Some(mail) = &self.routing.mail else { return BTreeSet::new() };
        let mut to = BTreeSet::new();
        for filter in filters {
            let mut meant = self.meant.borrow_mut();
            if !meant.contains_key(filter) {
                meant.insert(filter.clone(), self.look_up(filter));
            }
            let meant = meant.get(filter).into_iter().flatten();
            to.extend(meant.filter(|it| !excluded.contains(it.as_ref())).cloned());
        }
        if to.is_empty() {
            to.extend(mail.fallback.iter().cloned());
        }
        to
    }

    /// Whether an address is nobody's who was revoked.
    pub(super) fn has_rights(&self, address: &str) -> bool {
        self.routing.roster.revoked_person(address).is_none()
    }

    /// Whom a filter means, and who stands in for them.
    fn look_up(&self, filter: &Filter) -> BTreeSet<Arc<str>> {
        let mut meant: BTreeSet<Arc<str>> = self.named(filter).into_iter().collect();
        let delegations = self.routing.roster.delegations(self.now).map(|(_, it)| it);
        let delegations = delegations.filter(|it| meant.contains(&lower(&it.from.email)));
        let delegates: Vec<Arc<str>> = delegations.map(|it| lower(&it.to)).collect();
        meant.extend(delegates);
        meant.retain(|address| self.has_rights(address));
        meant
    }

    /// Whom a filter names, in lower case. A person named by address need not be known.
    fn named(&self, filter: &Filter) -> Vec<Arc<str>> {
        let known = |has: &dyn Fn(&Known) -> bool| -> Vec<Arc<str>> {
            let all = self.routing.roster.people().filter(|known| has(known));
            all.map(|known| lower(&known.person.email)).collect()
        };
        match filter {
            Filter::Group(name) => known(&|it| it.groups.contains(name)),
            Filter::Person(email) => vec![lower(email)],
            Filter::Role(name) => {
                let mut all = known(&|it| it.roles.contains(name));
                let by_configuration = self.routing.role_holders.get(name).into_iter().flatten();
                all.extend(by_configuration.map(|it| lower(it)));
                all
            }
        }
    }
}

fn lower(email: &str) -> Arc<str> {
    email.to_lowercase().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::samples::{at, envelope, person, routing};
    use events::{DelegationOpened, PersonRevoked};

    fn to(routing: &Routing, filter: &str) -> Vec<String> {
        let filter = filter.parse().unwrap();
        let audience = Audience::new(routing, at(0));
        let to = audience.mail_to([&filter].into_iter(), &BTreeSet::new());
        to.iter().map(|it| it.trim_end_matches("@example.com").to_owned()).collect()
    }

    #[test]
    fn people_are_told_by_their_groups_roles_and_addresses() {
        let mut routing = routing();
        assert_eq!(to(&routing, "group:finance"), ["ben", "cy"]);
        assert_eq!(to(&routing, "role:approver"), ["ada", "ben", "cy", "owner"]);
        assert_eq!(to(&routing, "person:New@Example.com"), ["new"]);
        routing.role_holders.insert("approver".into(), vec!["Dee@example.com".into()]);
        assert_eq!(to(&routing, "role:approver"), ["ada", "ben", "cy", "dee", "owner"]);
    }

    #[test]
    fn who_stands_in_is_told_and_who_has_no_rights_is_not() {
        let mut routing = routing();
        let delegation = DelegationOpened {
            from: person("ben"),
            groups: vec!["finance".into()],
            reason: "leave".to_owned(),
            roles: Vec::new(),
            to: "eve@example.com".into(),
            until: at(10),
        };
        routing.roster.apply(&envelope(1, 0, delegation));
        assert_eq!(to(&routing, "group:finance"), ["ben", "cy", "eve"]);
        let revoked = |name: &str| PersonRevoked {
            by: "operator".into(),
            email: person(name).email,
            reason: "left".to_owned(),
        };
        routing.roster.apply(&envelope(2, 0, revoked("ben")));
        assert_eq!(to(&routing, "group:finance"), ["cy"]);
        routing.roster.apply(&envelope(3, 0, revoked("cy")));
        assert_eq!(to(&routing, "group:finance"), ["ops"], "the fallback");
    }
}
