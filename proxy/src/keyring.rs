//! From a presented key to the caller it belongs to. Holds hashes alone, never a key.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::caller::Caller;
use crate::config::{Agent, KeyHash};

/// Every key of every agent, by its hash.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    by_hash: BTreeMap<KeyHash, Arc<Caller>>,
}

impl Keyring {
    /// The keys of these agents. A loaded configuration has no key twice; of two that do, the first
    /// agent has it.
    pub fn new(agents: &[Agent]) -> Self {
        let mut by_hash = BTreeMap::new();
        for agent in agents {
            let caller = Arc::new(Caller::by_key(Arc::new(agent.clone())));
            for key in &agent.keys {
                by_hash.entry(*key).or_insert_with(|| Arc::clone(&caller));
            }
        }
        Self { by_hash }
    }

    /// Whose key this is.
    pub fn find(&self, presented: &str) -> Option<&Arc<Caller>> {
        self.by_hash.get(&KeyHash::of(presented))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_found_by_each_of_its_keys_and_by_no_other() {
        let keys = ["cs_0123456789abcdef", "cs_fedcba9876543210"];
        let agent = Agent {
            name: "bot".to_owned(),
            team: String::new(),
            owner: "ada@example.com".to_owned(),
            keys: keys.map(KeyHash::of).to_vec(),
            issuer: None,
            subject: "bot".to_owned(),
            models: Vec::new(),
            tools: Vec::new(),
        };
        let keyring = Keyring::new(&[agent]);
        for key in keys {
            let caller = keyring.find(key).unwrap();
            assert_eq!((caller.name(), &*caller.principal.owner), ("bot", "ada@example.com"));
        }
        assert!(keyring.find("cs_0123456789abcdeF").is_none());
        assert!(keyring.find("").is_none());
    }
}
