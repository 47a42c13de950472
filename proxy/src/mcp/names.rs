//! Under which names the tools (or prompts) of many servers appear together, and whose they are.
//! Pure.

use std::collections::BTreeMap;

use crate::config::PrefixRule;

/// What one server offers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offer {
    /// What precedes its names where the rule says so.
    pub(crate) prefix: String,
    /// Its own names.
    pub(crate) names: Vec<String>,
}

/// The names that agents see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Exposed {
    /// From a name that agents see to its server and the server's own name for it.
    by_name: BTreeMap<String, (usize, String)>,
    /// From a server and its own name to the name that agents see.
    by_own: BTreeMap<(usize, String), String>,
    /// Names that more than one server would have; nobody has them.
    clashes: BTreeMap<String, Vec<usize>>,
}

/// Whose a name is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// This server's, which calls it so.
    Server(usize, String),
    /// These servers', and so nobody's.
    Clash(Vec<usize>),
    /// Nobody's.
    Nobody,
}

impl Exposed {
    /// Names what all servers offer. A name that two would have is given to neither.
    pub(crate) fn new(rule: PrefixRule, offers: &[Offer]) -> Self {
        let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
        for own in offers.iter().flat_map(|offer| &offer.names) {
            *owners.entry(own).or_default() += 1;
        }
        let mut exposed = Self::default();
        let servers = offers.iter().enumerate();
        for (server, offer, own) in
            servers.flat_map(|(at, offer)| offer.names.iter().map(move |own| (at, offer, own)))
        {
            let prefixed = match rule {
                PrefixRule::Always => true,
                PrefixRule::WhenNeeded => owners.get(own.as_str()).is_some_and(|count| *count > 1),
                PrefixRule::Never => false,
            };
            let prefix = if prefixed { offer.prefix.as_str() } else { "" };
            exposed.add(format!("{prefix}{own}"), server, own);
        }
        exposed
    }

    fn add(&mut self, name: String, server: usize, own: &str) {
        if let Some(owners) = self.clashes.get_mut(&name) {
            owners.push(server);
        } else if let Some((first, first_own)) = self.by_name.remove(&name) {
            self.by_own.remove(&(first, first_own));
            self.clashes.insert(name, vec![first, server]);
        } else {
            self.by_own.insert((server, own.to_owned()), name.clone());
            self.by_name.insert(name, (server, own.to_owned()));
        }
    }

    /// Whose this name is.
    pub(crate) fn owner(&self, name: &str) -> Owner {
        if let Some(owners) = self.clashes.get(name) {
            return Owner::Clash(owners.clone());
        }
        match self.by_name.get(name) {
            Some((server, own)) => Owner::Server(*server, own.clone()),
            None => Owner::Nobody,
        }
    }

    /// The name that agents see; `None` if there is none because of a clash.
    pub(crate) fn name(&self, server: usize, own: &str) -> Option<&str> {
        self.by_own.get(&(server, own.to_owned())).map(String::as_str)
    }

    /// The names that nobody has, and who would have them.
    pub(crate) fn clashes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.clashes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offer(prefix: &str, names: &[&str]) -> Offer {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Offer { prefix: prefix.to_owned(), names }
    }

    #[test]
    fn a_clash_is_served_by_nobody_unless_a_prefix_resolves_it() {
        let offers = [offer("a__", &["x", "y"]), offer("b__", &["x"])];
        let always = Exposed::new(PrefixRule::Always, &offers);
        assert_eq!(always.owner("a__y"), Owner::Server(0, "y".to_owned()));
        assert_eq!(always.owner("y"), Owner::Nobody);
        let needed = Exposed::new(PrefixRule::WhenNeeded, &offers);
        assert_eq!(needed.owner("y"), Owner::Server(0, "y".to_owned()));
        assert_eq!(needed.owner("b__x"), Owner::Server(1, "x".to_owned()));
        assert_eq!(needed.owner("x"), Owner::Nobody);
        let never = Exposed::new(PrefixRule::Never, &offers);
        assert_eq!(never.owner("x"), Owner::Clash(vec![0, 1]));
        assert_eq!((never.name(0, "x"), never.name(0, "y")), (None, Some("y")));
    }

    proptest! {
        #[test]
        fn every_offer_is_reached_by_its_name_or_is_a_clash(
            left in proptest::collection::btree_set("[ab_]{1,3}", 0..6),
            right in proptest::collection::btree_set("[ab_]{1,3}", 0..6),
            rule in prop_oneof![
                Just(PrefixRule::Always), Just(PrefixRule::WhenNeeded), Just(PrefixRule::Never),
            ],
        ) {
            let offers = [
                Offer { prefix: "a_".to_owned(), names: left.into_iter().collect() },
                Offer { prefix: "a_b_".to_owned(), names: right.into_iter().collect() },
            ];
            let exposed = Exposed::new(rule, &offers);
            let clashing: usize = exposed.clashes().values().map(Vec::len).sum();
            let mut reached = 0;
            for (server, offer) in offers.iter().enumerate() {
                for own in &offer.names {
                    let Some(name) = exposed.name(server, own) else { continue };
                    prop_assert_eq!(exposed.owner(name), Owner::Server(server, own.clone()));
                    reached += 1;
                }
            }
            let offered: usize = offers.iter().map(|offer| offer.names.len()).sum();
            prop_assert_eq!(reached + clashing, offered);
        }
    }
}
