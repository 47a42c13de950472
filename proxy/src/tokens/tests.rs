//! What tokens can be for, and who shows one, without an issuer.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use events::Timestamp;
use http::Method;
use identity::{Actor, Claims, Email};
use serde_json::{Value, json};

use super::*;
use crate::config::{LookupError, SecretRef};

const TEXT: &str = r#"
[listen]
agents_url = "https://Gate.example:443"
[[tools]]
name = "crm"
url = "http://127.0.0.1:1/mcp"
scopes = { "delete_*" = "crm:write crm:all", "*" = "crm:use" }
[[issuer]]
name = "main"
url = "https://login.example/"
audience = "urn:gate"
owner_claim = "act.sub"
agent_claim = "bot.id"
[[agent]]
name = "bot"
owner = "ada@example.com"
issuer = "main"
tools = ["*"]
"#;

fn config(text: &str) -> Config {
    let none = |_: &SecretRef| Err(LookupError::Unset);
    Config::parse(text, Path::new("/x/countersign.toml"), &none).unwrap().config
}

fn tokens() -> Tokens {
    Tokens::new(&config(TEXT), SocketAddr::from(([127, 0, 0, 1], 8080))).unwrap()
}

#[test]
fn only_what_has_three_parts_could_be_a_token() {
    let tokens = tokens();
    assert!(tokens.could_be("eyJh.eyJi.c"));
    for other in ["", "csk-0123456789abcdef", "eyJh.eyJi", "eyJh.b.c.d", "sk.a.b"] {
        assert!(!tokens.could_be(other), "{other}");
    }
    let without = Tokens::new(&Config::default(), SocketAddr::from(([127, 0, 0, 1], 1))).unwrap();
    assert!(!without.could_be("eyJh.eyJi.c"));
    assert!(
        without
            .resources()
            .describe(&Method::GET, "/.well-known/oauth-protected-resource")
            .is_none()
    );
}

#[test]
fn a_challenge_names_the_description_of_what_was_asked_for() {
    let tokens = tokens();
    let problem = Problem::new(ErrorCode::InvalidToken, "why");
    let text = |path, shown| {
        let value = tokens.challenge(&problem, (path, shown), None).unwrap();
        value.to_str().unwrap().to_owned()
    };
    let described = "https://gate.example/.well-known/oauth-protected-resource";
    assert_eq!(
        text("/mcp/crm/", true),
        format!(
            "Bearer realm=\"countersign\", error=\"invalid_token\", error_description=\"why\", \
             resource_metadata=\"{described}/mcp/crm\""
        )
    );
    assert_eq!(
        text("/v1/messages", false),
        format!("Bearer realm=\"countersign\", resource_metadata=\"{described}\"")
    );
    let other = Problem::new(ErrorCode::PolicyDenied, "why");
    assert!(tokens.challenge(&other, ("/mcp", true), None).is_none());
}

fn claims(actors: Vec<Actor>, scopes: &[&str]) -> Claims {
    Claims {
        subject: "s".into(),
        email: None::<Email>,
        email_verified: false,
        name: None,
        groups: BTreeSet::new(),
        groups_elsewhere: false,
        scopes: scopes.iter().map(|scope| Arc::from(*scope)).collect(),
        actors,
        client: Some("bot".into()),
        id: None,
        issued: None,
        expires: Timestamp::from_micros(1_000_000),
        authenticated: None,
    }
}

fn caller(tokens: &Tokens, said: &Value, claims: &Claims) -> Result<Caller, Problem> {
    let token = format!("h.{}.s", BASE64_URL_SAFE_NO_PAD.encode(said.to_string()));
    let trust = tokens.trusts.values().next().unwrap();
    trust.caller(&token, claims, (&tokens.resources, "/mcp/crm"))
}

#[test]
fn claims_are_found_on_paths_and_actors_of_others_carry_their_issuer() {
    let tokens = tokens();
    let actor = |subject: &str, issuer: Option<&str>| Actor {
        subject: subject.into(),
        issuer: issuer.map(Into::into),
    };
    let actors = vec![
        actor("bot", None),
        actor("planner", Some("https://login.example/")),
        actor("bot", Some("urn:other")),
    ];
    let said = json!({"aud": "urn:gate", "bot": {"id": "bot"}, "act": {"sub": "Bob@Example.com"}});
    let caller = caller(&tokens, &said, &claims(actors, &["crm:use"])).unwrap();
    assert_eq!(&*caller.principal.owner, "bob@example.com");
    assert_eq!(caller.principal.actors, ["planner".into(), "urn:other#bot".into()]);
    assert_eq!(&*caller.known_as, "bot\nbob@example.com\nplanner\nurn:other#bot");
    assert_eq!(caller.token.as_ref().unwrap().ends, Timestamp::from_micros(31_000_000));
    let of_scopes = |tool| tokens.lacks(&caller, "crm", tool).map(|scopes| scopes.join(" "));
    assert_eq!(of_scopes("read"), None);
    assert_eq!(of_scopes("delete_it"), Some("crm:all crm:use crm:write".to_owned()));
    assert_eq!(tokens.lacks(&caller, "other", "delete_it"), None);
}

#[test]
fn where_another_claim_names_the_agent_its_client_does_not() {
    let tokens = tokens();
    let said = json!({"aud": "urn:gate", "act": {"sub": "bob@example.com"}});
    let problem = caller(&tokens, &said, &claims(Vec::new(), &[])).unwrap_err();
    assert!(problem.message.contains("`bot.id`"), "{problem}");
}
