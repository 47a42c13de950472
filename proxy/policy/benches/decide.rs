//! How long a decision takes at 1 000 policies and 10 000 entities, beside Cedar's own authorizer
//! over all of both.
//!
//! `cargo bench -p policy --bench decide [-- SECONDS]`; the goal is a p99 under 100 µs. Each
//! question is asked five times and the best counts, so that a busy machine is not measured.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench talks to its reader")]

use cedar_policy::{
    Authorizer, Context, Entities, Entity, EntityUid, PolicySet, Request, RestrictedExpression,
};
use events::Timestamp;
use policy::{
    AgentFacts, Claims, Kind, Labels, Model, ModelFacts, PersonFacts, Policies, Question,
    ServerFacts, SessionFacts, Source, ToolFacts,
};
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

const AGENTS: usize = 2_000;
const PEOPLE: usize = 3_000;
const SERVERS: usize = 50;
const TOOLS: usize = 4_000;
const TEAMS: usize = 50;
const MODELS: usize = 1_000;
const NAIVE: usize = 200;

const SCHEMA: &str = r#"{"type":"object","required":["account","amount"],"properties":{
    "account":{"type":"string"},"amount":{"type":"integer"},"reason":{"type":"string"},
    "tags":{"type":"array","items":{"type":"string"}}}}"#;
const ARGUMENTS: &str =
    r#"{"account":"a-17","amount":120,"reason":"damaged on arrival","tags":["a","b"]}"#;

fn main() {
    let seconds = std::env::args().filter_map(|argument| argument.parse().ok()).next_back();
    let budget = Duration::from_secs(seconds.unwrap_or(3));
    let (model, text) = (model(), text());
    let source = Source { name: "bench.cedar".to_owned(), text: text.clone() };
    let began = Instant::now();
    let policies = Policies::compile(&[source], &model).expect("policies without problems");
    println!("{:34} {:>9.1?}", format!("compile {} policies", policies.len()), began.elapsed());

    let mut times = Vec::new();
    let mut number = 0;
    let all = Instant::now();
    while all.elapsed() < budget {
        number += 1;
        let names = Names::of(number);
        let question = names.question();
        times.push(best(|| policies.decide(black_box(&question))));
    }
    let ours = print("decide", &mut times);
    let mut times = Vec::new();
    for number in 0..20_000 {
        let names = Names::of(number);
        times.push(best(|| {
            policies.may_call(&names.agent, &names.team, &names.owner, names.tool())
        }));
    }
    print("may_call", &mut times);

    let set: PolicySet = text.parse().expect("policies");
    let entities = entities();
    let mut times = Vec::new();
    for number in 0..NAIVE {
        let request = Names::of(number).request();
        times.push(best(|| Authorizer::new().is_authorized(&request, &set, &entities)));
    }
    // Ours asks two questions.
    let naive = 2 * print("is_authorized over all, one question", &mut times);
    println!("{:34} {:>9.1}", "ratio of medians", naive.as_secs_f64() / ours.as_secs_f64());
}

/// The shortest of five.
fn best<T>(mut ask: impl FnMut() -> T) -> Duration {
    let times = (0..5).map(|_| {
        let began = Instant::now();
        black_box(ask());
        began.elapsed()
    });
    times.min().unwrap_or_default()
}

/// Prints and gives the median.
fn print(what: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 1000).copied().unwrap_or_default();
    let (p50, p99, p999) = (at(500), at(990), at(999));
    println!("{what:34} {p50:>9.1?} p50 {p99:>9.1?} p99 {p999:>9.1?} p99.9  n={}", times.len());
    p50
}

/// Who asks for what, the next one each time.
struct Names {
    agent: String,
    team: String,
    owner: String,
    server: String,
    tool: String,
    is_model: bool,
}

impl Names {
    fn of(number: usize) -> Self {
        let (agent, tool) = (number * 7919 % AGENTS, number * 104_729 % TOOLS);
        Self {
            agent: format!("agent-{agent}"),
            team: format!("team-{}", agent % TEAMS),
            owner: format!("p{}@example.com", agent % PEOPLE),
            server: format!("s{}", tool % SERVERS),
            tool: format!("tool-{tool}"),
            is_model: number.is_multiple_of(5),
        }
    }

    fn tool(&self) -> (&str, &str) {
        (&self.server, &self.tool)
    }

    fn question(&self) -> Question<'_> {
        let kind = if self.is_model {
            Kind::Model { provider: "openai", name: "gpt-5" }
        } else {
            Kind::Tool { server: &self.server, name: &self.tool, arguments: Some(ARGUMENTS) }
        };
        Question {
            agent: &self.agent,
            team: &self.team,
            owner: &self.owner,
            actors: &[],
            kind,
            session: SessionFacts { calls: 12, cost_micros: 70_000, ..SessionFacts::default() },
            now: Timestamp::from_micros(1_795_248_000_000_000),
        }
    }

    fn request(&self) -> Request {
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let flag = RestrictedExpression::new_bool(true);
        let session = [
            ("calls".to_owned(), RestrictedExpression::new_long(12)),
            ("read_private".to_owned(), flag.clone()),
        ];
        let session = RestrictedExpression::new_record(session).expect("a record");
        let arguments = [
            ("account".to_owned(), text("a-17")),
            ("amount".to_owned(), RestrictedExpression::new_long(120)),
        ];
        let arguments = RestrictedExpression::new_record(arguments).expect("a record");
        let context = Context::from_pairs([
            ("unattended".to_owned(), flag),
            ("session".to_owned(), session),
            ("arguments".to_owned(), arguments),
        ]);
        let action = format!("{}/{}", self.server, self.tool);
        let (agent, tool) = (uid("Agent", &self.agent), uid("Tool", &action));
        Request::new(agent, uid("Action", &action), tool, context.expect("a context"), None)
            .expect("a request")
    }
}

fn uid(kind: &str, name: &str) -> EntityUid {
    format!("{kind}::\"{name}\"").parse().expect("a name")
}

/// What a large house could have: a few policies for all, some for teams and servers, and many for
/// single agents and tools.
fn text() -> String {
    let mut text = String::from(
        r#"forbid (principal, action in Action::"call_tool", resource)
           when { context.unattended && resource.destructive && context.session.calls > 1000 };
           forbid (principal, action in Action::"call_tool", resource) when {
               context.unattended && context.session.read_private && resource.outside };
        "#,
    );
    for number in 0..18 {
        let _ = writeln!(
            text,
            "forbid (principal, action, resource) when {{ context.session.calls > {} }};",
            10_000 + number
        );
    }
    for number in 0..80 {
        let (team, server) = (number % TEAMS, number % SERVERS);
        let _ = writeln!(
            text,
            "permit (principal in Team::\"team-{team}\", action in Action::\"call_tool\", \
             resource) when {{ resource.server != \"s{server}-{number}\" }};"
        );
    }
    for number in 0..300 {
        let tool = number * 13 % TOOLS;
        let _ = writeln!(
            text,
            "forbid (principal, action == Action::\"s{}/tool-{tool}\", resource) when {{ \
             context.unattended && context.arguments.amount > {number} }};",
            tool % SERVERS
        );
    }
    for number in 0..600 {
        let agent = number * 3 % AGENTS;
        let _ = writeln!(
            text,
            "permit (principal == Agent::\"agent-{agent}\", action, resource) when {{ \
             principal.owner in Group::\"g{}\" || context.session.calls < {number} }};",
            number % 10
        );
    }
    text
}

fn model() -> Model {
    let agents = (0..AGENTS).map(|number| AgentFacts {
        name: format!("agent-{number}").into(),
        team: format!("team-{}", number % TEAMS).into(),
        owner: format!("p{}@example.com", number % PEOPLE).into(),
        groups: Vec::new(),
    });
    let people = (0..PEOPLE).map(|number| PersonFacts {
        email: format!("p{number}@example.com").into(),
        groups: vec![format!("g{}", number % 10).into(), format!("h{}", number % 7).into()],
        roles: vec!["approver".into()],
    });
    let servers = (0..SERVERS).map(|number| ServerFacts {
        name: format!("s{number}").into(),
        trusted: number % 2 == 0,
        listed: true,
        labels: Labels::default(),
    });
    let tools = (0..TOOLS).map(|number| ToolFacts {
        server: format!("s{}", number % SERVERS).into(),
        name: format!("tool-{number}").into(),
        input_schema: Some(SCHEMA.into()),
        claims: Claims::default(),
        labels: Labels::default(),
    });
    let models = (0..MODELS)
        .map(|number| ModelFacts { provider: "openai".into(), name: format!("m{number}").into() });
    Model {
        agents: agents.collect(),
        people: people.collect(),
        servers: servers.collect(),
        tools: tools.collect(),
        models: models.collect(),
        providers: vec!["openai".into()],
    }
}

/// The same as Cedar alone would be given it.
fn entities() -> Entities {
    let plain = |uid: EntityUid, parents: Vec<EntityUid>| {
        Entity::new_no_attrs(uid, parents.into_iter().collect())
    };
    let mut all = Vec::new();
    for number in 0..AGENTS {
        let owner = uid("Person", &format!("p{}@example.com", number % PEOPLE));
        let owner = ("owner".to_owned(), RestrictedExpression::new_entity_uid(owner));
        let team = uid("Team", &format!("team-{}", number % TEAMS));
        let agent = uid("Agent", &format!("agent-{number}"));
        let parents = std::iter::once(team).collect();
        all.push(Entity::new(agent, [owner].into_iter().collect(), parents).expect("an agent"));
    }
    for number in 0..PEOPLE {
        let groups = vec![uid("Group", &format!("g{}", number % 10))];
        all.push(plain(uid("Person", &format!("p{number}@example.com")), groups));
    }
    for number in 0..TOOLS {
        let server = format!("s{}", number % SERVERS);
        let name = format!("{server}/tool-{number}");
        let groups = vec![uid("Action", "call_tool"), uid("Action", "call")];
        all.push(plain(uid("Action", &name), groups));
        let attributes = ["destructive", "outside"]
            .map(|name| (name.to_owned(), RestrictedExpression::new_bool(true)))
            .into_iter()
            .chain([("server".to_owned(), RestrictedExpression::new_string(server.clone()))]);
        let parents = std::iter::once(uid("Server", &server)).collect();
        let tool = Entity::new(uid("Tool", &name), attributes.collect(), parents);
        all.push(tool.expect("a tool"));
    }
    Entities::from_entities(all, None).expect("entities")
}
