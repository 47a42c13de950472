//! Lists of the merged endpoint: asks every server for all its pages and makes one list of them, in
//! which an agent sees what it may call, by names that are nobody else's.

use std::sync::Arc;

use futures_util::future::join_all;

use crate::catalogue::visible;
use crate::json;

use super::carrier::NoResponse;
use super::clerk::may_reach;
use super::connect::Visitor;
use super::envelope::Message;
use super::host::{Host, Names, lock};
use super::merged_text::{modernised, outward_uri, renamed};
use super::names::{Exposed, Offer};
use super::reply::Refusal;

/// How many pages of one server's list are asked for. What is beyond is not listed, which is
/// logged.
const PAGES_MAX: usize = 64;

/// What a list is of.
#[derive(Clone, Copy)]
struct Kind {
    method: &'static str,
    /// The member of the result that is the list, and of an element that names it.
    list: &'static str,
    name: &'static str,
    /// The capability without which a server is not asked.
    capability: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind { method: "tools/list", list: "tools", name: "name", capability: "tools" },
    Kind { method: "prompts/list", list: "prompts", name: "name", capability: "prompts" },
    Kind { method: "resources/list", list: "resources", name: "uri", capability: "resources" },
    Kind {
        method: "resources/templates/list",
        list: "resourceTemplates",
        name: "uriTemplate",
        capability: "resources",
    },
];

impl Host {
    /// The servers of which this agent may call anything.
    pub(crate) fn reachable<'a>(
        &'a self,
        visitor: &'a Visitor,
    ) -> impl Iterator<Item = usize> + 'a {
        let may = |name: &str| may_reach(&visitor.talk.caller.agent, name);
        self.members
            .iter()
            .enumerate()
            .filter(move |(_, member)| may(&member.name))
            .map(|(at, _)| at)
    }

    /// Says in the log that a server is missing from an answer.
    pub(crate) fn log_absent(&self, member: usize, refusal: &Refusal) {
        let name = self.members.get(member).map_or("", |member| &*member.name);
        tracing::error!(server = name, "what it offers is missing: {}", refusal.problem.message);
    }

    /// The names last listed to this visitor.
    pub(crate) fn names(&self, visitor: &Visitor) -> Arc<Names> {
        match &visitor.session {
            Some(session) => Arc::clone(&session.names),
            None => self.shared_names(&visitor.talk.caller.known_as),
        }
    }

    /// One list of all servers. One that does not answer is absent from it.
    pub(crate) async fn list(
        &self,
        visitor: &Visitor,
        message: &Message<'_>,
    ) -> Result<String, Refusal> {
        let kind = KINDS.into_iter().find(|kind| kind.method == message.method());
        let Some(kind) = kind else { return Ok("{}".to_owned()) };
        if message.value(&["params", "cursor"]).is_some() {
            let detail = "this list has one page, so there is no such cursor";
            return Err(Refusal::malformed(super::envelope::INVALID_PARAMS, detail));
        }
        let members: Vec<usize> = self.reachable(visitor).collect();
        let asked = members.iter().map(|member| self.pages(visitor, *member, kind, message));
        let mut lists = vec![Vec::new(); self.members.len()];
        for (member, elements) in members.iter().zip(join_all(asked).await) {
            match (elements, lists.get_mut(*member)) {
                (Ok(elements), Some(list)) => *list = elements,
                (Ok(_), None) => {}
                (Err(refusal), _) => self.log_absent(*member, &refusal),
            }
        }
        let elements = if kind.name == "name" {
            self.named(visitor, kind, &lists)
        } else {
            self.addressed(kind, &lists)
        };
        let result = format!(r#"{{"{}":[{}]}}"#, kind.list, elements.join(","));
        Ok(if visitor.is_modern() { modernised(&result, true) } else { result })
    }

    /// Tools or prompts by names that are nobody else's.
    fn named(&self, visitor: &Visitor, kind: Kind, lists: &[Vec<String>]) -> Vec<String> {
        let offers: Vec<Offer> = self
            .members
            .iter()
            .zip(lists)
            .map(|(member, list)| Offer {
                prefix: member.prefix.clone(),
                names: list.iter().filter_map(|element| text(element, kind.name)).collect(),
            })
            .collect();
        let exposed = Arc::new(Exposed::new(self.rule, &offers));
        for (name, members) in exposed.clashes() {
            tracing::error!(name, servers = ?members, "a name of more than one is nobody's");
        }
        let mut shown = Vec::new();
        for (at, (member, list)) in self.members.iter().zip(lists).enumerate() {
            let clerk = &self.bench.clerk;
            let may_call = |tool: &str| clerk.shows(&visitor.talk.caller, &member.name, tool);
            let seen = visible_of(kind, list, may_call);
            for element in seen {
                let own = text(&element, kind.name).unwrap_or_default();
                shown.extend(
                    exposed.name(at, &own).and_then(|name| renamed(&element, kind.name, name)),
                );
            }
        }
        let names = self.names(visitor);
        *lock(if kind.list == "tools" { &names.tools } else { &names.prompts }) = Some(exposed);
        shown
    }

    /// Resources by addresses that name their server.
    fn addressed(&self, kind: Kind, lists: &[Vec<String>]) -> Vec<String> {
        let pairs = self.members.iter().zip(lists);
        pairs
            .flat_map(|(member, list)| {
                list.iter().filter_map(|element| {
                    let own = text(element, kind.name)?;
                    renamed(element, kind.name, &outward_uri(&member.name, &own))
                })
            })
            .collect()
    }

    /// All elements of one server's list.
    async fn pages(
        &self,
        visitor: &Visitor,
        member: usize,
        kind: Kind,
        message: &Message<'_>,
    ) -> Result<Vec<String>, Refusal> {
        let open = self.connect(visitor, member).await?;
        let mut elements = Vec::new();
        if json::find(&open.capabilities, &[kind.capability]).is_none() {
            return Ok(elements);
        }
        let mut asked = message.text.to_owned();
        for page in 0..PAGES_MAX {
            let Ok(request) = Message::read(asked.as_bytes(), self.limits()) else { break };
            let text = self.page(visitor, member, &request).await?;
            let Ok(response) = Message::read(text.as_bytes(), self.limits()) else { break };
            // An error is a list of nothing: not every server has every kind.
            let Some(result) = response.value(&["result"]) else { break };
            let next =
                json::find(result, &["nextCursor"]).filter(|next| next.text.starts_with('"'));
            if kind.list == "tools" {
                let whole = page == 0 && next.is_none();
                let name = self.talk(visitor, member).server;
                let changes = self.bench.catalogue.observe(&name, result, whole);
                self.bench.clerk.note_tools(changes).await;
            }
            if let Some(list) = json::find(result, &[kind.list]) {
                elements.extend(json::elements(list.text).map(|element| element.text.to_owned()));
            }
            match next.and_then(|next| json::set(&asked, &["params", "cursor"], next.text).ok()) {
                Some(following) if page + 1 < PAGES_MAX => asked = following,
                Some(_) => {
                    tracing::error!(
                        kind.method,
                        "a list has more than {PAGES_MAX} pages: the rest is missing"
                    );
                }
                None => break,
            }
        }
        Ok(elements)
    }

    async fn page(
        &self,
        visitor: &Visitor,
        member: usize,
        request: &Message<'_>,
    ) -> Result<String, Refusal> {
        match self.carry_open(visitor, (member, None), request, None).await {
            Ok(carried) => Ok(carried.text),
            Err(NoResponse::Refused(refusal) | NoResponse::SessionGone(refusal)) => Err(refusal),
            Err(NoResponse::Cancelled) => Err(Refusal::no_session()),
        }
    }
}

fn text(element: &str, key: &str) -> Option<String> {
    json::find(element, &[key])
        .and_then(|part| json::string(part.text))
        .map(std::borrow::Cow::into_owned)
}

/// The elements that an agent may see; of what is not a tool, all.
fn visible_of(kind: Kind, list: &[String], may_call: impl Fn(&str) -> bool) -> Vec<String> {
    if kind.list != "tools" {
        return list.to_vec();
    }
    let all = format!(r#"{{"tools":[{}]}}"#, list.join(","));
    let seen = visible(&all, may_call);
    let Some(tools) = json::find(&seen, &["tools"]) else { return Vec::new() };
    json::elements(tools.text).map(|tool| tool.text.to_owned()).collect()
}
