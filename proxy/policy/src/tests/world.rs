//! The world that the tests decide about.

use crate::{
    AgentFacts, Answer, Claims, Kind, LOCAL, Labels, Model, ModelFacts, PersonFacts, Policies,
    PolicyProblem, Question, ServerFacts, SessionFacts, Source, ToolFacts,
};
use events::Timestamp;
use std::sync::Arc;

pub(super) const REFUND: &str = r##"{
    "type": "object",
    "required": ["account", "amount"],
    "properties": {
        "account": { "type": "string" },
        "amount": { "type": "integer" },
        "tip": { "anyOf": [{ "type": "number" }, { "type": "null" }] },
        "urgent": { "type": "boolean" },
        "tags": { "type": "array", "items": { "type": "string" } },
        "customer": { "$ref": "#/$defs/Customer" },
        "place": {
            "type": "object", "required": ["town"], "properties": { "town": { "type": "string" } }
        },
        "note": { "anyOf": [{ "type": "string" }, { "type": "integer" }] },
        "loop": { "$ref": "#/$defs/Loop" }
    },
    "$defs": {
        "Customer": {
            "type": "object",
            "required": ["email"],
            "properties": {
                "email": { "type": "string" }, "level": { "enum": ["gold", "tin"] }
            }
        },
        "Loop": { "$ref": "#/$defs/Loop" }
    }
}"##;

fn names(names: &[&str]) -> Vec<Arc<str>> {
    names.iter().map(|name| (*name).into()).collect()
}

fn agent(name: &str, team: &str, owner: &str, groups: &[&str]) -> AgentFacts {
    let groups = names(groups);
    AgentFacts { name: name.into(), team: team.into(), owner: owner.into(), groups }
}

fn person(email: &str, groups: &[&str], roles: &[&str]) -> PersonFacts {
    PersonFacts { email: email.into(), groups: names(groups), roles: names(roles) }
}

fn tool(server: &str, name: &str, schema: Option<&str>, claims: Claims) -> ToolFacts {
    ToolFacts {
        server: server.into(),
        name: name.into(),
        input_schema: schema.map(Into::into),
        claims,
        labels: Labels::default(),
    }
}

pub(super) fn model() -> Model {
    let reads = Claims { read_only: Some(true), open_world: Some(false), ..Claims::default() };
    let server = |name: &str, trusted, listed| ServerFacts {
        name: name.into(),
        trusted,
        listed,
        labels: Labels::default(),
    };
    Model {
        agents: vec![
            agent("bot", "support", "ada@example.com", &["pilot"]),
            agent("clerk", "finance", "bob@example.com", &[]),
        ],
        people: vec![
            person("ada@example.com", &["finance"], &["approver"]),
            person("bob@example.com", &[], &["analyst"]),
        ],
        servers: vec![
            server("crm", true, true),
            server("web", false, true),
            server("late", false, false),
            server(LOCAL, false, false),
        ],
        tools: vec![
            tool("crm", "refund", Some(REFUND), Claims::default()),
            tool("crm", "lookup", None, reads),
            tool("web", "fetch", Some(r#"{"type":"object"}"#), reads),
        ],
        models: vec![ModelFacts { provider: "openai".into(), name: "gpt-5".into() }],
        providers: names(&["openai", "anthropic"]),
    }
}

pub(super) fn compile(text: &str) -> Result<Policies, Vec<PolicyProblem>> {
    let source = Source { name: "a.cedar".to_owned(), text: text.to_owned() };
    Policies::compile(&[source], &model())
}

pub(super) fn policies(text: &str) -> Policies {
    compile(text).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("{text}\n{}", lines.join("\n"))
    })
}

/// All problems of a text, a line each.
pub(super) fn problems(text: &str) -> Vec<String> {
    compile(text).unwrap_err().iter().map(ToString::to_string).collect()
}

/// Saturday, 21 November 2026, 08:00 UTC.
pub(super) fn now() -> Timestamp {
    "2026-11-21T08:00:00Z".parse().unwrap()
}

pub(super) fn question(kind: Kind<'_>) -> Question<'_> {
    Question {
        agent: "bot",
        owner: "ada@example.com",
        team: "support",
        actors: &[],
        kind,
        session: SessionFacts::default(),
        now: now(),
    }
}

pub(super) fn refund(arguments: &str) -> Question<'_> {
    question(Kind::Tool { server: "crm", name: "refund", arguments: Some(arguments) })
}

pub(super) const SMALL: &str = r#"{"account":"a-1","amount":5}"#;

/// The decision and the policies that determined it: `hold a, b`.
pub(super) fn said(answer: &Answer) -> String {
    let decision = format!("{:?}", answer.verdict.decision).to_lowercase();
    format!("{decision} {}", answer.verdict.policies.join(", ")).trim_end().to_owned()
}
