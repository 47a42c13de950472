//! Lists of tools as their upstreams give them: what changed since they were last seen, and what of
//! them one agent may see. Not the tools themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use events::{Digest, ToolSeen, ToolsChanged};
use tokio::sync::watch;

use crate::json;

/// How many tools of one server are remembered. A list that is longer is passed on and its rest not
/// compared, which is logged.
const TOOLS_MAX: usize = 4096;

/// How many bytes of names one event tells of; a longer change is told in several. An event must
/// stay below what the ledger takes, and a definition's digest takes as much again as a short name.
const NAMES_BYTES_MAX: usize = 8 * 1024;

/// How many characters of a tool's name are kept; no client takes longer ones.
const NAME_CHARS_MAX: usize = 1024;

/// The longest definition that is kept whole, in bytes. Of a longer one the digest is known.
const DEFINITION_BYTES_MAX: usize = 64 * 1024;

/// A tool as its server last described it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Digest of the definition's canonical form.
    pub digest: Digest,
    /// The definition as JSON; nothing where it is longer than is kept.
    pub text: Option<Arc<str>>,
}

/// The definitions last seen of every server's tools.
#[derive(Debug)]
pub struct Catalogue {
    tools: Mutex<BTreeMap<String, BTreeMap<String, Definition>>>,
    changes: watch::Sender<u64>,
}

impl Default for Catalogue {
    fn default() -> Self {
        Self { tools: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl Catalogue {
    /// Compares a result of `tools/list` with what was seen before, and remembers it. `whole` says
    /// that it is the complete list, so that what it lacks is gone.
    pub fn observe(&self, server: &str, result: &str, whole: bool) -> Vec<ToolsChanged> {
        let seen = read(result);
        if seen.len() > TOOLS_MAX {
            tracing::warn!(server, "more than {TOOLS_MAX} tools: the rest is not compared");
        }
        let mut servers = self.lock();
        let known = servers.entry(server.to_owned()).or_default();
        let mut changes = Changes::of(server);
        if whole {
            for name in known.keys().filter(|name| !seen.contains_key(*name)) {
                changes.room(name).removed.push(name.clone());
            }
            known.retain(|name, _| seen.contains_key(name));
        }
        for (name, definition) in seen.into_iter().take(TOOLS_MAX) {
            let digest = definition.digest;
            let tool = ToolSeen { definition: digest, name: name.clone() };
            match known.insert(name.clone(), definition) {
                Some(before) if before.digest == digest => {}
                Some(_) => changes.room(&name).altered.push(tool),
                None => changes.room(&name).added.push(tool),
            }
        }
        let told = changes.tell();
        if !told.is_empty() {
            // Under the lock: whoever sees these tools sees that there was a change, too.
            self.changes.send_modify(|count| *count += 1);
        }
        drop(servers);
        told
    }

    /// A tool as its server last described it, if it did.
    pub fn definition(&self, server: &str, tool: &str) -> Option<Definition> {
        self.lock().get(server)?.get(tool).cloned()
    }

    /// Every tool that was seen, with its server.
    pub fn all(&self) -> Vec<(String, String, Definition)> {
        let servers = self.lock();
        let tools = servers.iter().flat_map(|(server, tools)| {
            let named = tools.iter();
            named.map(|(name, definition)| (server.clone(), name.clone(), definition.clone()))
        });
        tools.collect()
    }

    /// The servers that were heard to list their tools, be it none.
    pub fn servers(&self) -> BTreeSet<String> {
        self.lock().keys().cloned().collect()
    }

    /// Tells how many changes there were, at every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<String, Definition>>> {
        self.tools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes, in as many events as they need.
struct Changes {
    told: Vec<ToolsChanged>,
    last: ToolsChanged,
    bytes: usize,
}

impl Changes {
    fn of(server: &str) -> Self {
        Self { told: Vec::new(), last: nothing(Arc::from(server)), bytes: 0 }
    }

    /// The event that has room for a change of this tool.
    fn room(&mut self, name: &str) -> &mut ToolsChanged {
        // What else is said of a tool, its digest above all, is no longer than this.
        self.bytes += name.len() + 100;
        if self.bytes > NAMES_BYTES_MAX {
            self.bytes = name.len() + 100;
            let next = nothing(Arc::clone(&self.last.upstream));
            self.told.push(std::mem::replace(&mut self.last, next));
        }
        &mut self.last
    }

    fn tell(mut self) -> Vec<ToolsChanged> {
        if self.bytes > 0 {
            self.told.push(self.last);
        }
        self.told
    }
}

fn nothing(upstream: Arc<str>) -> ToolsChanged {
    ToolsChanged { added: Vec::new(), altered: Vec::new(), removed: Vec::new(), upstream }
}

/// Each definition in a result of `tools/list`.
fn read(result: &str) -> BTreeMap<String, Definition> {
    let Some(tools) = json::find(result, &["tools"]) else { return BTreeMap::new() };
    let named = json::elements(tools.text).filter_map(|tool| {
        let name = json::find(tool.text, &["name"]).and_then(|name| json::string(name.text))?;
        // A definition with a number that no double holds has no canonical form; its bytes do.
        let form = json::canonical(tool.text).unwrap_or_else(|_| tool.text.as_bytes().to_vec());
        let name: String = name.chars().take(NAME_CHARS_MAX).collect();
        let text = (tool.text.len() <= DEFINITION_BYTES_MAX).then(|| Arc::from(tool.text));
        Some((name, Definition { digest: Digest::of(&[&form]), text }))
    });
    named.collect()
}

/// A result of `tools/list` with only the tools that its agent may call. What one agent may is no
/// other's to know, so `cacheScope` says so, where there is one.
pub fn visible(result: &str, may_call: impl Fn(&str) -> bool) -> String {
    let Some(tools) = json::find(result, &["tools"]) else { return result.to_owned() };
    let total = json::elements(tools.text).count();
    let kept: Vec<&str> = json::elements(tools.text)
        .filter(|tool| {
            let name = json::find(tool.text, &["name"]).and_then(|name| json::string(name.text));
            name.is_some_and(|name| may_call(&name))
        })
        .map(|tool| tool.text)
        .collect();
    if kept.len() == total {
        return private(result);
    }
    let cut = json::set(result, &["tools"], &format!("[{}]", kept.join(",")));
    private(&cut.unwrap_or_else(|_| r#"{"tools":[]}"#.to_owned()))
}

/// A result that no cache may give to another agent.
pub fn private(result: &str) -> String {
    if json::find(result, &["cacheScope"]).is_none() {
        return result.to_owned();
    }
    json::set(result, &["cacheScope"], "\"private\"").unwrap_or_else(|_| result.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_is_reported_when_it_is_new_or_altered_or_gone() {
        let catalogue = Catalogue::default();
        let list = r#"{"tools":[{"name":"a","x":1},{"name":"b"}]}"#;
        let changed = catalogue.observe("crm", list, true).remove(0);
        assert_eq!(changed.added.len(), 2);
        let respelled = r#"{"tools":[{"x":1.0, "name":"\u0061"},{"name":"b"}]}"#;
        assert_eq!(catalogue.observe("crm", respelled, true), [], "the same definition");
        let changed = catalogue.observe("crm", r#"{"tools":[{"name":"a","x":2}]}"#, true).remove(0);
        assert_eq!((changed.altered.len(), changed.removed), (1, vec!["b".to_owned()]));
        assert_eq!(catalogue.observe("mail", list, true).len(), 1, "servers are kept apart");
    }

    #[test]
    fn a_long_change_is_told_in_events_that_the_ledger_takes() {
        let tools: Vec<String> =
            (0..TOOLS_MAX).map(|n| format!(r#"{{"name":"{n}{}"}}"#, "n".repeat(2000))).collect();
        let list = format!(r#"{{"tools":[{}]}}"#, tools.join(","));
        let told = Catalogue::default().observe("crm", &list, true);
        let size = |changed: &ToolsChanged| serde_json::to_vec(changed).unwrap().len();
        assert!(told.iter().map(size).max().unwrap() < 32 * 1024);
        assert_eq!(told.iter().map(|changed| changed.added.len()).sum::<usize>(), TOOLS_MAX);
    }

    #[test]
    fn an_agent_sees_only_tools_that_it_may_call() {
        let list =
            r#"{"tools":[{"name":"read","z": 1},{"name":"drop"}],"cacheScope":"public","ttlMs":5}"#;
        assert_eq!(visible(list, |_| true), list.replace("public", "private"));
        assert_eq!(
            visible(list, |tool| tool.starts_with("re")),
            r#"{"tools":[{"name":"read","z": 1}],"cacheScope":"private","ttlMs":5}"#
        );
        assert!(visible(list, |_| false).starts_with(r#"{"tools":[],"#));
    }
}
