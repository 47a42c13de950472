//! From a presented key to the agent it belongs to. Holds hashes alone, never a key.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::key_hash::KeyHash;
use super::shape::Agent;

/// Every key of every agent, by its hash.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    by_hash: BTreeMap<KeyHash, Arc<Agent>>,
}

impl Keyring {
    /// The keys of these agents. A loaded configuration has no key twice; of two that do, the first
    /// agent has it.
    pub fn new(agents: &[Agent]) -> Self {
        let mut by_hash = BTreeMap::new();
        for agent in agents {
            let shared = Arc::new(agent.clone());
            for key in &agent.keys {
                by_hash.entry(*key).or_insert_with(|| Arc::clone(&shared));
            }
        }
        Self { by_hash }
    }

    /// Whose key this is.
    pub fn find(&self, presented: &str) -> Option<&Arc<Agent>> {
        self.by_hash.get(&KeyHash::of(presented))
    }
}
