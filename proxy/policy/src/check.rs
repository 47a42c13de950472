//! Whether policies mean what they say: names that exist, attributes that their calls have, types
//! that fit.

use crate::annotation::ROLES;
use crate::argument::Fields;
use crate::condition::Mentions;
use crate::entity::{CALL, CALL_MODEL, CALL_TOOL, Directory, GET_PROMPT, OTHER, READ_RESOURCE};
use crate::problem::{PolicyProblem, did_you_mean};
use crate::schema::{ANY_TOOL, schema};
use crate::scope::Scope;
use crate::source::Piece;
use cedar_policy::{
    EntityUid, Policy, PolicyId, PolicySet, ValidationMode, ValidationWarning, Validator,
};
use miette::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};

/// The actions that are not a tool's own.
const ACTIONS: &[&str] = &[CALL, CALL_MODEL, CALL_TOOL, GET_PROMPT, OTHER, READ_RESOURCE];

/// What to do about a policy that never matches.
const NEVER: &str = "look for a condition that is always false; an action group is matched with \
                     `in`: `action in Action::\"call_tool\"`";

/// A policy to be checked.
pub(crate) struct Draft<'a> {
    pub(crate) piece: Piece<'a>,
    pub(crate) policy: &'a Policy,
    pub(crate) scope: &'a Scope,
    pub(crate) mentions: &'a Mentions,
}

/// What a policy is checked against: the tools that it names, or all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tools {
    All,
    Named(BTreeSet<String>),
}

/// Checks them all.
pub(crate) fn check(
    drafts: &[Draft<'_>],
    directory: &Directory,
    problems: &mut Vec<PolicyProblem>,
) {
    let mut alike: BTreeMap<Tools, Vec<&Draft<'_>>> = BTreeMap::new();
    for draft in drafts {
        if let Some(tools) = names(draft, directory, problems) {
            alike.entry(tools).or_default().push(draft);
        }
    }
    for (tools, drafts) in &alike {
        types(tools, drafts, directory, problems);
    }
}

/// Checks the names in a policy. None if its types can't be checked: it names what is not there,
/// or a tool of a server that has not told its tools yet.
fn names(
    draft: &Draft<'_>,
    directory: &Directory,
    problems: &mut Vec<PolicyProblem>,
) -> Option<Tools> {
    let mut tools = BTreeSet::new();
    let mut is_checkable = true;
    let mut named: BTreeSet<EntityUid> = draft.policy.entity_literals().into_iter().collect();
    named.extend(draft.scope.actions().iter().cloned());
    for one in &named {
        let name = one.id().unescaped();
        let is_action = *one.type_name() == directory.kinds.action;
        match missing(one, directory) {
            Missing::No if is_action && !ACTIONS.contains(&name) => {
                tools.insert(name.to_owned());
            }
            Missing::No => {}
            Missing::NotYet => is_checkable = false,
            Missing::Yes(hint) => {
                is_checkable = false;
                let at = draft.piece.text.find(&format!("{name:?}")).unwrap_or_default();
                problems.push(draft.piece.problem(at, format!("there is no {one}"), hint));
            }
        }
    }
    let actions = draft.scope.actions();
    let is_of_tools =
        !actions.is_empty() && actions.iter().all(|action| tools.contains(action.id().unescaped()));
    let tools =
        if draft.mentions.arguments() && !is_of_tools { Tools::All } else { Tools::Named(tools) };
    is_checkable.then_some(tools)
}

enum Missing {
    No,
    NotYet,
    Yes(Option<String>),
}

fn missing(named: &EntityUid, directory: &Directory) -> Missing {
    let (kind, name) = (named.type_name(), named.id().unescaped());
    let kinds = &directory.kinds;
    let among = |there: bool, names: Vec<&str>| {
        if there { Missing::No } else { Missing::Yes(did_you_mean(name, names)) }
    };
    if *kind == kinds.server {
        let servers = directory.servers.keys().map(|name| &**name).collect();
        return among(directory.servers.contains_key(name), servers);
    }
    if *kind == kinds.provider {
        let providers = directory.providers.iter().map(|name| &**name).collect();
        return among(directory.providers.contains(name), providers);
    }
    if *kind == kinds.role {
        return among(ROLES.contains(&name), ROLES.to_vec());
    }
    let is_action = *kind == kinds.action;
    if !is_action && *kind != kinds.tool || (is_action && ACTIONS.contains(&name)) {
        return Missing::No;
    }
    if directory.tools.contains_key(name) {
        return Missing::No;
    }
    let server = name.split_once('/').map(|(server, _)| server);
    if server.and_then(|name| directory.servers.get(name)).is_some_and(|server| !server.listed) {
        return Missing::NotYet;
    }
    let tools = directory.tools.keys().map(|name| &**name);
    let own: &[&str] = if is_action { ACTIONS } else { &[] };
    Missing::Yes(did_you_mean(name, tools.chain(own.iter().copied())))
}

/// Checks the types of policies that are checked against the same tools.
fn types(
    tools: &Tools,
    drafts: &[&Draft<'_>],
    directory: &Directory,
    problems: &mut Vec<PolicyProblem>,
) {
    let is_in = |name: &str| match tools {
        Tools::All => true,
        Tools::Named(names) => names.contains(name),
    };
    let all = directory.tools.iter().map(|(name, tool)| (&**name, &tool.fields));
    let schema = match schema(all.filter(|(name, _)| is_in(name))) {
        Ok(schema) => schema,
        Err(error) => {
            let message = format!("there is no schema to check this policy against: {error}");
            problems.extend(drafts.iter().map(|draft| draft.piece.problem(0, &*message, None)));
            return;
        }
    };
    let set = PolicySet::from_policies(drafts.iter().map(|draft| draft.policy.clone()));
    let Ok(set) = set.map_err(|error| {
        let message = error.to_string();
        problems.extend(drafts.iter().map(|draft| draft.piece.problem(0, &*message, None)));
    }) else {
        return;
    };
    let by_id: BTreeMap<&PolicyId, &&Draft<'_>> =
        drafts.iter().map(|draft| (draft.policy.id(), draft)).collect();
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    let mut wrong = BTreeSet::new();
    for error in in_order(result.validation_errors()) {
        let Some(draft) = by_id.get(error.policy_id()) else { continue };
        // The same place is wrong for many tools alike.
        let at = place(error);
        if wrong.insert((draft.policy.id(), Some(at))) {
            let message = told(error, draft.policy);
            let hint = hint(&message, error, tools, directory);
            problems.push(draft.piece.problem(at, message, hint));
        }
        wrong.insert((draft.policy.id(), None));
    }
    for warning in in_order(result.validation_warnings()) {
        let Some(draft) = by_id.get(warning.policy_id()) else { continue };
        let is_never = matches!(
            warning,
            ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_)
        );
        // What is true of no tool today may be true of one tomorrow.
        let is_early = *tools == Tools::All;
        if is_early && matches!(warning, ValidationWarning::ImpossiblePolicy(_)) {
            continue;
        }
        let at = if is_never { 0 } else { place(warning) };
        if !wrong.insert((draft.policy.id(), (!is_never).then_some(at))) {
            continue;
        }
        let (message, hint) = if is_never {
            ("this policy can never match a call".to_owned(), NEVER)
        } else {
            // Characters that look like others, or that hide.
            (told(warning, draft.policy), "write it with plain characters")
        };
        problems.push(draft.piece.problem(at, message, Some(hint.to_owned())));
    }
}

/// Cedar has them in no order.
fn in_order<'a, T: Diagnostic>(problems: impl Iterator<Item = &'a T>) -> Vec<&'a T> {
    let mut problems: Vec<&T> = problems.collect();
    problems.sort_by_cached_key(|problem| (place(*problem), problem.to_string()));
    problems
}

/// Where in its policy something is wrong.
fn place(problem: &dyn Diagnostic) -> usize {
    let first = problem.labels().and_then(|mut labels| labels.next());
    first.map_or(0, |label| label.offset())
}

/// What Cedar says, without its name of the policy, and of the action that stands for all tools.
fn told(problem: &dyn Diagnostic, policy: &Policy) -> String {
    let message = problem.to_string();
    let start = format!("for policy `{}`, ", policy.id());
    let message = message.strip_prefix(&start).unwrap_or(&message);
    message.replace(&format!("{ANY_TOOL:?}"), &format!("{CALL_TOOL:?}"))
}

/// What to do about an attribute that arguments do not have; else what Cedar says.
fn hint(
    message: &str,
    error: &dyn Diagnostic,
    tools: &Tools,
    directory: &Directory,
) -> Option<String> {
    let attribute = message.split('`').nth(1).unwrap_or_default();
    if let Some(name) = attribute.strip_prefix("arguments.") {
        let Tools::Named(tools) = tools else {
            return Some(
                "a policy about many tools asks first: `context.arguments has …`; to use the \
                 arguments of one, name it: `action == Action::\"server/tool\"`"
                    .to_owned(),
            );
        };
        let fields = |tool: &String| directory.tools.get(&**tool).map(|known| &known.fields);
        let known: BTreeSet<&str> =
            tools.iter().filter_map(fields).flat_map(Fields::keys).map(String::as_str).collect();
        if !known.contains(name.split('.').next().unwrap_or_default()) {
            return Some(did_you_mean(name, known.iter().copied()).unwrap_or_else(|| {
                let known = known.into_iter().collect::<Vec<_>>().join("`, `");
                format!("what has a type there is `{known}`; others are in `argument_text`")
            }));
        }
    }
    if attribute == "arguments" || attribute == "argument_text" {
        let own = "only calls of tools have it: say `action in Action::\"call_tool\"`";
        return Some(own.to_owned());
    }
    error.help().map(|help| help.to_string())
}
