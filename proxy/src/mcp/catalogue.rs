//! Lists of tools as their upstreams give them: what changed since they were last seen, and what of
//! them one agent may see. Not the tools themselves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use events::{Digest, ToolSeen, ToolsChanged};
use sha2::{Digest as _, Sha256};

use crate::config::Agent;
use crate::json;

/// How many tools of one server are remembered. A list that is longer is passed on and its rest not
/// compared, which is logged.
pub(crate) const TOOLS_MAX: usize = 4096;

/// The definitions last seen of every server's tools.
#[derive(Debug, Default)]
pub(crate) struct Catalogue(Mutex<BTreeMap<String, BTreeMap<String, Digest>>>);

impl Catalogue {
    /// Compares a result of `tools/list` with what was seen before, and remembers it. `whole` says
    /// that it is the complete list, so that what it lacks is gone. `None` when nothing changed.
    pub(crate) fn observe(&self, server: &str, result: &str, whole: bool) -> Option<ToolsChanged> {
        let seen = read(result);
        if seen.len() > TOOLS_MAX {
            tracing::warn!(server, "more than {TOOLS_MAX} tools: the rest is not compared");
        }
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = servers.entry(server.to_owned()).or_default();
        let mut changed = ToolsChanged {
            added: Vec::new(),
            altered: Vec::new(),
            removed: Vec::new(),
            upstream: Arc::from(server),
        };
        if whole {
            changed.removed = known.keys().filter(|name| !seen.contains_key(*name)).cloned().collect();
            known.retain(|name, _| seen.contains_key(name));
        }
        for (name, definition) in seen.into_iter().take(TOOLS_MAX) {
            let tool = ToolSeen { definition, name: name.clone() };
            match known.insert(name, definition) {
                Some(before) if before == definition => {}
                Some(_) => changed.altered.push(tool),
                None => changed.added.push(tool),
            }
        }
        let any = changed.added.len() + changed.altered.len() + changed.removed.len() > 0;
        any.then_some(changed)
    }
}

/// The digest of each definition in a result of `tools/list`.
fn read(result: &str) -> BTreeMap<String, Digest> {
    let Some(tools) = json::find(result, &["tools"]) else { return BTreeMap::new() };
    let named = json::elements(tools.text).filter_map(|tool| {
        let name = json::find(tool.text, &["name"]).and_then(|name| json::string(name.text))?;
        // A definition with a number that no double holds has no canonical form; its bytes do.
        let form = json::canonical(tool.text).unwrap_or_else(|_| tool.text.as_bytes().to_vec());
        Some((name.into_owned(), Digest(Sha256::digest(form).into())))
    });
    named.collect()
}

/// A result of `tools/list` with only the tools that this agent may call; the same text when that is
/// all of them. A list cut for one agent is no other's, so `cacheScope` then says so.
pub(crate) fn visible(result: &str, server: &str, agent: &Agent) -> String {
    let Some(tools) = json::find(result, &["tools"]) else { return result.to_owned() };
    let total = json::elements(tools.text).count();
    let kept: Vec<&str> = json::elements(tools.text)
        .filter(|tool| {
            let name = json::find(tool.text, &["name"]).and_then(|name| json::string(name.text));
            name.is_some_and(|name| agent.may_call(server, &name))
        })
        .map(|tool| tool.text)
        .collect();
    if kept.len() == total {
        return result.to_owned();
    }
    let cut = json::set(result, &["tools"], &format!("[{}]", kept.join(",")));
    private(&cut.unwrap_or_else(|_| r#"{"tools":[]}"#.to_owned()))
}

/// A result that no cache may give to another agent.
pub(crate) fn private(result: &str) -> String {
    if json::find(result, &["cacheScope"]).is_none() {
        return result.to_owned();
    }
    json::set(result, &["cacheScope"], "\"private\"").unwrap_or_else(|_| result.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{KeyHash, ToolPattern};

    fn agent(tools: &[&str]) -> Agent {
        Agent {
            name: "a".to_owned(),
            team: String::new(),
            owner: "o".to_owned(),
            keys: vec![KeyHash::of("k")],
            models: Vec::new(),
            tools: tools.iter().map(|tool| ToolPattern::parse(tool).unwrap()).collect(),
        }
    }

    #[test]
    fn a_tool_is_reported_when_it_is_new_or_altered_or_gone() {
        let catalogue = Catalogue::default();
        let list = r#"{"tools":[{"name":"a","x":1},{"name":"b"}]}"#;
        let changed = catalogue.observe("crm", list, true).unwrap();
        assert_eq!(changed.added.len(), 2);
        let respelled = r#"{"tools":[{"x":1.0, "name":"\u0061"},{"name":"b"}]}"#;
        assert_eq!(catalogue.observe("crm", respelled, true), None, "the same definition");
        let changed = catalogue.observe("crm", r#"{"tools":[{"name":"a","x":2}]}"#, true).unwrap();
        assert_eq!((changed.altered.len(), changed.removed), (1, vec!["b".to_owned()]));
        assert!(catalogue.observe("mail", list, true).is_some(), "servers are kept apart");
    }

    #[test]
    fn an_agent_sees_only_tools_that_it_may_call() {
        let list = r#"{"tools":[{"name":"read","z": 1},{"name":"drop"}],"cacheScope":"public","ttlMs":5}"#;
        assert_eq!(visible(list, "crm", &agent(&["crm/*"])), list);
        assert_eq!(
            visible(list, "crm", &agent(&["crm/re*"])),
            r#"{"tools":[{"name":"read","z": 1}],"cacheScope":"private","ttlMs":5}"#
        );
        assert!(visible(list, "crm", &agent(&["mail/*"])).starts_with(r#"{"tools":[],"#));
    }
}
