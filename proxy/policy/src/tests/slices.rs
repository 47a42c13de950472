//! Looking only at the policies that can match gives the answers that looking at all of them gives:
//! random policies and questions, and Cedar's own authorizer for the other opinion.

use super::world::{model, now};
use crate::deciding::Match;
use crate::policies::Compiled;
use crate::{AgentFacts, Answer, Kind, Policies, Question, SessionFacts, Source};
use cedar_policy::{Authorizer, Decision, PolicySet};
use events::Decision as Verdict;
use proptest::prelude::*;
use proptest::sample::select;

fn head() -> impl Strategy<Value = String> {
    let principal = select(vec![
        "principal",
        "principal is Agent",
        "principal == Agent::\"bot\"",
        "principal == Agent::\"clerk\"",
        "principal in Team::\"support\"",
        "principal in Team::\"finance\"",
        "principal in Group::\"pilot\"",
        "principal is Agent in Group::\"pilot\"",
        "principal in Agent::\"bot\"",
    ]);
    let action = select(vec![
        "action",
        "action == Action::\"crm/refund\"",
        "action == Action::\"call_model\"",
        "action in Action::\"crm/refund\"",
        "action in Action::\"call_tool\"",
        "action in Action::\"call\"",
        "action in [Action::\"call_model\", Action::\"web/fetch\"]",
        "action in [Action::\"call\", Action::\"call_tool\", Action::\"crm/refund\"]",
        "action in [Action::\"read_resource\", Action::\"other\", Action::\"get_prompt\"]",
    ]);
    let resource = select(vec![
        "resource",
        "resource is Tool",
        "resource is Model",
        "resource == Tool::\"crm/refund\"",
        "resource == Model::\"openai/gpt-5\"",
        "resource in Server::\"crm\"",
        "resource in Server::\"late\"",
        "resource in Provider::\"openai\"",
        "resource is Tool in Server::\"web\"",
        "resource == Resource::\"crm/file\"",
    ]);
    (principal, action, resource).prop_map(|(p, a, r)| format!("({p}, {a}, {r})"))
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "context.unattended",
        "!context.unattended",
        "context[\"unattended\"]",
        "context.session.read_private",
        "context.session.calls > 3",
        "context.session.calls + 9223372036854775805 > 3",
        "principal.owner in Group::\"finance\"",
        "principal.team == Team::\"support\"",
        "Person::\"bob@example.com\" in Role::\"analyst\"",
        "Agent::\"clerk\" in Team::\"finance\"",
        "Agent::\"clerk\".owner == principal.owner",
        "Agent::\"clerk\".owner in Role::\"analyst\"",
        "Agent::\"clerk\".owner.email == \"bob@example.com\"",
        "action in Action::\"call\" && Action::\"crm/lookup\" in Action::\"call_tool\"",
        "Model::\"openai/gpt-5\".name == \"gpt-5\"",
        "action in Action::\"call_tool\"",
        "action == Action::\"crm/refund\"",
        "resource in Server::\"crm\"",
        "resource is Model",
        "resource is Tool && resource.destructive",
        "Tool::\"crm/lookup\".read_only",
        "context.uninspectable",
        "principal has nothing",
        "context.hour == 8",
        "true",
        "false",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(3, 8, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            pair.clone().prop_map(|(a, b)| format!("({a}) && ({b})")),
            pair.prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.prop_map(|a| format!("if {a} then context.unattended else true")),
        ]
    })
}

fn policy() -> impl Strategy<Value = String> {
    let effect = select(vec!["permit", "permit", "forbid"]);
    let shadow = select(vec!["", "", "", "@shadow "]);
    let clause = prop_oneof![
        Just(String::new()),
        condition().prop_map(|condition| format!(" when {{ {condition} }}")),
        condition().prop_map(|condition| format!(" unless {{ {condition} }}")),
    ];
    (shadow, effect, head(), clause)
        .prop_map(|(shadow, effect, head, clause)| format!("{shadow}{effect} {head}{clause};\n"))
}

fn kind() -> impl Strategy<Value = Kind<'static>> {
    let tool = |server, name, arguments| Kind::Tool { server, name, arguments };
    select(vec![
        tool("crm", "refund", Some(r#"{"account":"a","amount":5}"#)),
        tool("crm", "refund", Some(r#"{"account":5}"#)),
        tool("crm", "lookup", None),
        tool("web", "fetch", None),
        tool("late", "unknown", Some(r#"{"x":1}"#)),
        Kind::Model { provider: "openai", name: "gpt-5" },
        Kind::Model { provider: "anthropic", name: "unheard-of" },
        Kind::Resource { server: "crm", uri: "file" },
        Kind::Prompt { server: "late", name: "hello", arguments: None },
        Kind::Other { upstream: "crm", method: "ping" },
    ])
}

fn asked() -> impl Strategy<Value = Question<'static>> {
    let who = select(vec![
        ("bot", "support", "ada@example.com"),
        ("bot", "finance", "bob@example.com"),
        ("clerk", "finance", "bob@example.com"),
        ("new", "support", "eve@example.com"),
    ]);
    (who, kind(), any::<bool>(), 0..6_u64).prop_map(|(who, kind, read_private, calls)| {
        let (agent, team, owner) = who;
        let session = SessionFacts { read_private, calls, ..SessionFacts::default() };
        Question { agent, team, owner, actors: &[], kind, session, now: now() }
    })
}

/// What Cedar's own authorizer answers with all policies and all entities at once.
fn whole(policies: &Policies, question: &Question<'_>, unattended: bool, shadow: bool) -> Said {
    let counted = |one: &&Compiled| shadow || !one.annotations.is_shadow;
    let all: Vec<&Compiled> = policies.compiled.iter().filter(counted).collect();
    let set = PolicySet::from_policies(all.iter().map(|one| one.policy.clone())).unwrap();
    let (request, entities) = policies.everything(question, unattended).unwrap();
    let response = Authorizer::new().is_authorized(&request, &set, &entities);
    let place = |id: &cedar_policy::PolicyId| -> usize { id.to_string().parse().unwrap() };
    let errors = response.diagnostics().errors().map(|error| match error {
        cedar_policy::AuthorizationError::PolicyEvaluationError(error) => place(error.policy_id()),
    });
    // A forbid that fails forbids: that is ours, and Cedar leaves it out.
    let failed: Vec<usize> = errors
        .filter(|number| policies.compiled[*number].effect == cedar_policy::Effect::Forbid)
        .collect();
    let is_allowed = response.decision() == Decision::Allow && failed.is_empty();
    let mut by: Vec<usize> = response.diagnostics().reason().map(place).collect();
    if !failed.is_empty() {
        by.retain(|number| policies.compiled[*number].effect == cedar_policy::Effect::Forbid);
        by.extend(failed);
    }
    by.sort_unstable();
    let by = by.into_iter().map(|number| policies.compiled[number].name.to_string()).collect();
    Said { is_allowed, by }
}

#[derive(Debug, PartialEq, Eq)]
struct Said {
    is_allowed: bool,
    by: Vec<String>,
}

fn expected(policies: &Policies, question: &Question<'_>, shadow: bool) -> (Verdict, Vec<String>) {
    let first = whole(policies, question, false, shadow);
    let second = whole(policies, question, true, shadow);
    match (first.is_allowed, second.is_allowed) {
        (false, _) => (Verdict::Deny, first.by),
        (true, true) => (Verdict::Allow, second.by),
        (true, false) if second.by.is_empty() => (Verdict::Hold, first.by),
        (true, false) => (Verdict::Hold, second.by),
    }
}

fn agrees(policies: &Policies, question: &Question<'_>) -> Result<Answer, TestCaseError> {
    let answer = policies.decide(question);
    let by: Vec<String> = answer.verdict.policies.iter().map(ToString::to_string).collect();
    prop_assert_eq!((answer.verdict.decision, by), expected(policies, question, false));
    let shadow = expected(policies, question, true).0;
    let told = answer.shadow.as_ref().map_or(answer.verdict.decision, |verdict| verdict.decision);
    prop_assert_eq!(told, shadow);
    Ok(answer)
}

/// Compiled without the check of types, which refuses much that is odd and can be decided.
fn unchecked(texts: &[String]) -> Policies {
    let source = Source { name: "a.cedar".to_owned(), text: texts.concat() };
    let none = Policies::compile(&[], &model()).unwrap();
    none.with_sources(vec![source]).remodel(&model()).unwrap().0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn a_slice_answers_what_the_whole_answers(
        texts in prop::collection::vec(policy(), 0..12),
        questions in prop::collection::vec(asked(), 1..6),
    ) {
        let policies = unchecked(&texts);
        prop_assert_eq!(policies.compiled.len(), texts.len());
        for question in &questions {
            agrees(&policies, question)?;
        }
    }

    #[test]
    fn whatever_is_not_denied_is_listed(
        texts in prop::collection::vec(policy(), 0..8),
        question in asked(),
    ) {
        let policies = unchecked(&texts);
        let Kind::Tool { server, name, .. } = question.kind else { return Ok(()) };
        let answer = policies.decide(&question);
        let Question { agent, team, owner, .. } = question;
        if answer.verdict.decision != Verdict::Deny {
            prop_assert!(policies.may_call(agent, team, owner, (server, name)));
        }
    }
}

#[test]
fn of_a_thousand_policies_only_those_of_the_call_are_looked_at() {
    let mut model = model();
    let mut text = String::new();
    for number in 0..1000 {
        let name = format!("agent-{number}");
        text.extend(["permit (principal == Agent::\"", &name, "\", action, resource);\n"]);
        model.agents.push(AgentFacts { name: name.into(), ..AgentFacts::default() });
    }
    let source = Source { name: "a.cedar".to_owned(), text };
    let policies = Policies::compile(&[source], &model).unwrap();
    let kind = Kind::Tool { server: "crm", name: "lookup", arguments: None };
    let question = Question {
        agent: "agent-7",
        team: "x",
        owner: "y",
        actors: &[],
        kind,
        session: SessionFacts::default(),
        now: now(),
    };
    let matched = policies.matched(&question).unwrap();
    assert_eq!(matched.len(), 1);
    assert!(matched.iter().all(|one| one.attended == Match::Yes));
}
