//! Agents that show a token of an issuer: whom it lets in, for whom, and what it does not open.

use std::collections::BTreeSet;
use std::time::SystemTime;

use events::{CallDispatched, Event};
use serde_json::{Value, json};
use tests::gateway::{Gateway, Setup};
use tests::group::installed;
use tests::issuer::{Issuer, Signing};
use tests::mcp;
use tests::tool_server::ToolServer;
use tests::upstream::{Upstream, completion};
use tests::wire::{AGENT_KEY, Answer, Connection, ask, chat, look, post};

const AUDIENCE: &str = "urn:countersign:tests";

struct Stage {
    issuer: Issuer,
    upstream: Upstream,
    tools: ToolServer,
    gateway: Gateway,
}

/// A gateway that takes tokens of an issuer for the agent `bot`, called `client-7` there.
fn stage() -> Option<Stage> {
    if !installed() {
        return None;
    }
    Some(before(Issuer::start()))
}

fn before(issuer: Issuer) -> Stage {
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let tools = ToolServer::start(&["read", "delete_all"], |call, connection| {
        connection.reply(200, &call.said("done"))
    });
    let issuer_section = format!(
        "[[issuer]]\nname = \"main\"\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\n\
         owner_claim = \"email\"",
        issuer.issuer
    );
    let scopes = "scopes = { \"delete_*\" = \"crm:write\", \"*\" = \"crm:use\" }";
    let setup = Setup::new()
        .provider("openai", &upstream.url(), "*")
        .tools("crm", &format!("{}\n{scopes}", tools.url()))
        .agent(
            "bot",
            "issuer = \"main\"\nsubject = \"client-7\"\nmodels = [\"*\"]\ntools = [\"*\"]",
        )
        .sections(&issuer_section);
    Stage { issuer, upstream, tools, gateway: setup.start() }
}

impl Stage {
    /// What a token of the agent says, if not otherwise.
    fn claims(more: &Value) -> Value {
        let mut claims = json!({
            "sub": "sub-of-ada", "aud": AUDIENCE, "client_id": "client-7",
            "email": "Ada@Example.com", "scope": "crm:use other",
        });
        let members = more.as_object().into_iter().flatten();
        for (name, value) in members {
            claims.as_object_mut().unwrap().insert(name.clone(), value.clone());
        }
        claims
    }

    fn token(&self, more: &Value) -> String {
        self.issuer.sign(&Self::claims(more))
    }

    fn model(&self, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let body = br#"{"model":"m","messages":[]}"#;
        let path = format!("/v1/chat/completions?a={token}&b=kept");
        ask(self.gateway.agents, post(&path, &[("authorization", &bearer)], body)).unwrap()
    }

    fn tool(&self, path: &str, token: &str, tool: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [&mcp::modern_headers(tool)[..], &[("authorization", &bearer)]].concat();
        mcp::send(self.gateway.agents, path, &headers, mcp::modern_call(1, tool, &json!({})))
    }
}

fn challenge(answer: &Answer) -> &str {
    answer.head.header("www-authenticate").unwrap_or_default()
}

#[test]
fn a_token_lets_its_agent_in_for_whom_it_names_and_goes_nowhere_else() {
    let Some(mut stage) = stage() else { return };
    let act = json!({"act": {"sub": "client-7", "act": {"sub": "planner", "iss": "urn:other"}}});
    let token = stage.token(&act);
    assert_eq!(stage.model(&token).status(), 200);
    for (path, tool) in [("/mcp/crm", "read"), ("/mcp", "crm__read")] {
        assert_eq!(stage.tool(path, &token, tool).status(), 200, "{path}");
    }
    let key = [("x-api-key", &*token)];
    let by_key = post("/v1/chat/completions", &key, br#"{"model":"m","messages":[]}"#);
    assert_eq!(ask(stage.gateway.agents, by_key).unwrap().status(), 200);
    // A key of the configuration still is what it was.
    assert_eq!(ask(stage.gateway.agents, chat("m", "hello", false)).unwrap().status(), 200);
    let records = stage.gateway.stop_and_check();
    let of_bot: Vec<&CallDispatched> =
        records.dispatched().into_values().filter(|fact| &*fact.principal.agent == "bot").collect();
    assert!(of_bot.len() >= 4, "{of_bot:?}");
    for fact in of_bot {
        assert_eq!(&*fact.principal.owner, "ada@example.com");
        assert_eq!(fact.principal.actors, ["urn:other#planner".into()]);
    }
    let seen = stage.upstream.seen();
    for request in &seen {
        let text = format!("{request:?}");
        assert!(!text.contains(&token) && !text.contains("a="), "{text}");
    }
    assert!(seen.first().unwrap().line.ends_with("?b=kept HTTP/1.1"), "{seen:?}");
    assert_eq!(stage.tools.calls().len(), 2);
}

#[test]
fn a_token_that_is_wrong_in_any_way_opens_nothing_and_is_on_record() {
    let Some(mut stage) = stage() else { return };
    let wrong_claims = [
        (json!({"aud": "urn:other"}), "it is for `urn:other`"),
        (json!({"aud": null}), "`aud` is missing"),
        (json!({"exp": 1}), "it expired"),
        (json!({"exp": null}), "`exp` is missing"),
        (json!({"iat": 9_999_999_999_u64}), "not valid before"),
        (json!({"iss": "urn:other"}), "issued by `urn:other`"),
        (json!({"nonce": "n"}), "no access token"),
        (json!({"cnf": {"jkt": "k"}}), "bound to a key"),
        (json!({"client_id": "client-8"}), "no agent here is `client-8`"),
        (json!({"client_id": null}), "`client_id`, which names the agent, is missing"),
        (json!({"email": null}), "`email`, which names whom it acts for, is missing"),
        (json!({"email": "a\nb"}), "`email`, which names whom it acts for, is missing"),
        (json!({"email_verified": false}), "has not verified"),
        (json!({"act": "planner"}), "`act` has not the form"),
        (json!({"act": {"sub": "a\nb"}}), "`act` has not the form"),
    ];
    let usual = Signing::default();
    let mut wrong: Vec<(String, &str)> = wrong_claims
        .iter()
        .map(|(claims, why)| (stage.issuer.sign_so(&Stage::claims(claims), &usual), *why))
        .collect();
    let signings = [
        (Signing { algorithm: Some("none"), ..Signing::default() }, "signed with `none`"),
        (Signing { algorithm: Some("HS256"), ..Signing::default() }, "signed with `HS256`"),
        (Signing { stranger: true, ..Signing::default() }, "signature is wrong"),
        (Signing { header: json!({"kid": "new"}), ..Signing::default() }, "does not publish"),
        (Signing { header: json!({"crit": ["b64"]}), ..Signing::default() }, "`crit`"),
        (Signing { header: json!({"typ": "dpop+jwt"}), ..Signing::default() }, "of the type"),
    ];
    let usual = Stage::claims(&json!({}));
    wrong.extend(signings.iter().map(|(how, why)| (stage.issuer.sign_so(&usual, how), *why)));
    let right = stage.token(&json!({}));
    let (head, rest) = right.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    let other = stage.token(&json!({"email": "bob@example.com"}));
    let of_other = other.split('.').nth(1).unwrap();
    assert_ne!(claims, of_other);
    wrong.push((format!("{head}.{of_other}.{signature}"), "signature is wrong"));
    for (token, why) in &wrong {
        let answer = stage.model(token);
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!((answer.status(), &*answer.code()), (401, "invalid_token"), "{why}: {text}");
        assert!(text.contains(why), "expected {why}, found {text}");
        assert!(challenge(&answer).contains("error=\"invalid_token\""), "{answer:?}");
        let answer = stage.tool("/mcp/crm", token, "read");
        assert_eq!(answer.status(), 401, "{why}");
    }
    assert_eq!(stage.model(&right).status(), 200, "the right one still does");
    let records = stage.gateway.stop_and_check();
    let refused = records.refused();
    assert_eq!(refused.len(), 2 * wrong.len());
    assert!(refused.iter().all(|refused| &*refused.code == "invalid_token"));
    assert_eq!(stage.upstream.seen().len(), 1);
    assert!(stage.tools.calls().is_empty());
}

#[test]
fn while_an_issuer_gives_no_keys_its_tokens_are_neither_good_nor_bad() {
    if !installed() {
        return;
    }
    let issuer = Issuer::start();
    issuer.fail("/jwks", 1);
    let mut stage = before(issuer);
    let answer = stage.model(&stage.token(&json!({})));
    assert_eq!((answer.status(), &*answer.code()), (503, "issuer_unavailable"));
    assert_eq!(answer.head.header("www-authenticate"), None);
    assert_eq!(answer.head.header("retry-after"), Some("1"));
    assert_eq!(ask(stage.gateway.agents, chat("m", "hello", false)).unwrap().status(), 200);
    stage.gateway.stop_and_check().assert_refused(&[("issuer_unavailable", 503)]);
}

#[test]
fn who_is_not_let_in_learns_where_tokens_are_to_be_had() {
    let Some(mut stage) = stage() else { return };
    let base = format!("http://{}", stage.gateway.agents);
    let described = "/.well-known/oauth-protected-resource";
    for path in ["", "/mcp", "/mcp/crm"] {
        let answer = look(stage.gateway.agents, &format!("{described}{path}")).unwrap();
        let metadata = answer.json();
        assert_eq!(metadata["resource"], json!(format!("{base}{path}")));
        assert_eq!(metadata["authorization_servers"], json!([stage.issuer.issuer]));
        assert_eq!(metadata["bearer_methods_supported"], json!(["header"]));
        assert_eq!(metadata["scopes_supported"], json!(["crm:use"]));
        assert_eq!(answer.head.header("access-control-allow-origin"), Some("*"));
    }
    let strange = format!("GET {described}/mcp HTTP/1.1\r\nhost: evil.example\r\n\r\n");
    assert_eq!(ask(stage.gateway.agents, strange).unwrap().status(), 403, "another host");
    let page = format!(
        "OPTIONS {described}/mcp HTTP/1.1\r\nhost: localhost\r\norigin: https://page.example\r\n\
         access-control-request-headers: mcp-protocol-version\r\n\r\n"
    );
    let mut connection = Connection::open(stage.gateway.agents).unwrap();
    connection.send(page).unwrap();
    let head = connection.head().unwrap();
    assert_eq!(head.status, 204);
    assert_eq!(head.header("access-control-allow-headers"), Some("mcp-protocol-version"));
    assert_eq!(look(stage.gateway.agents, &format!("{described}/mcp/none")).unwrap().status(), 404);
    for (path, of) in [("/mcp", "/mcp"), ("/mcp/crm", "/mcp/crm"), ("/mcp/none", "/mcp/none")] {
        let request = mcp::sent(path, &[], mcp::plain(1, "ping"));
        let own = format!("authorization: Bearer {AGENT_KEY}\r\n");
        let request = String::from_utf8(request).unwrap().replace(&own, "");
        let answer = ask(stage.gateway.agents, request).unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        let metadata = format!("resource_metadata=\"{base}{described}{of}\"");
        let challenge = challenge(&answer);
        assert!(challenge.starts_with("Bearer ") && challenge.contains(&metadata), "{challenge}");
        assert!(!challenge.contains("error"), "it showed nothing: {challenge}");
    }
    stage.gateway.stop_and_check();
}

#[test]
fn a_token_for_one_resource_opens_that_and_what_is_below_it() {
    let Some(stage) = stage() else { return };
    let base = format!("http://{}", stage.gateway.agents);
    let opened = |of: &str| {
        let token = stage.token(&json!({"aud": [format!("{base}{of}"), "urn:other"]}));
        let tools = [("/mcp", "crm__read"), ("/mcp/crm", "read")];
        let mut opened: BTreeSet<&str> = tools
            .into_iter()
            .filter(|(path, tool)| stage.tool(path, &token, tool).status() == 200)
            .map(|(path, _)| path)
            .collect();
        if stage.model(&token).status() == 200 {
            opened.insert("/v1");
        }
        opened.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(opened(""), "/mcp /mcp/crm /v1");
    assert_eq!(opened("/"), "/mcp /mcp/crm /v1");
    assert_eq!(opened("/mcp"), "/mcp /mcp/crm");
    assert_eq!(opened("/mcp/crm"), "/mcp/crm");
    assert_eq!(opened("/mcp/cr"), "");
}

#[test]
fn a_tool_that_needs_more_than_the_token_says_what_to_ask_for() {
    let Some(mut stage) = stage() else { return };
    let token = stage.token(&json!({}));
    for (path, prefix) in [("/mcp/crm", ""), ("/mcp", "crm__")] {
        let answer = stage.tool(path, &token, &format!("{prefix}delete_all"));
        assert_eq!(answer.status(), 403, "{path}");
        assert_eq!(answer.json()["error"]["data"]["code"], json!("insufficient_scope"));
        let challenge = challenge(&answer);
        for part in ["error=\"insufficient_scope\"", "scope=\"crm:use crm:write\""] {
            assert!(challenge.contains(part), "{challenge}");
        }
        let more = stage.token(&json!({"scope": "crm:use crm:write"}));
        let answer = stage.tool(path, &more, &format!("{prefix}delete_all"));
        assert_eq!(answer.status(), 200, "{path}");
    }
    assert_eq!(stage.tools.calls().len(), 2);
    // A key is good for all that its agent may do.
    let headers = mcp::modern_headers("delete_all");
    let call = mcp::modern_call(1, "delete_all", &json!({}));
    assert_eq!(mcp::send(stage.gateway.agents, "/mcp/crm", &headers, call).status(), 200);
    let expected = [("insufficient_scope", 403); 2];
    stage.gateway.stop_and_check().assert_refused(&expected);
}

#[test]
fn two_persons_who_use_one_agent_never_share_a_session() {
    let Some(mut stage) = stage() else { return };
    let [ada, bob] = ["ada", "bob"].map(|name| {
        let token = stage.token(&json!({"email": format!("{name}@example.com")}));
        format!("Bearer {token}")
    });
    for path in ["/mcp/crm", "/mcp"] {
        let session = mcp::session(stage.gateway.agents, path, &[("authorization", &*ada)]);
        let list = |bearer: &str| {
            let headers = [("authorization", bearer), ("mcp-session-id", &*session)];
            mcp::send(stage.gateway.agents, path, &headers, mcp::plain(2, "tools/list")).status()
        };
        assert_eq!(list(&ada), 200, "{path}");
        assert_eq!(list(&bob), 404, "{path}");
        assert_eq!(list(&format!("Bearer {AGENT_KEY}")), 404, "{path}");
        mcp::session(stage.gateway.agents, path, &[("authorization", &*bob)]);
    }
    // One conversation under one name, of two persons, is two sessions of the ledger.
    for bearer in [&ada, &bob] {
        let headers = [("authorization", &**bearer), ("x-session-id", "same")];
        let body = br#"{"model":"m","messages":[{"role":"user","content":"same"}]}"#;
        let request = post("/v1/chat/completions", &headers, body);
        assert_eq!(ask(stage.gateway.agents, request).unwrap().status(), 200);
    }
    let records = stage.gateway.stop_and_check();
    let mut owners = BTreeSet::new();
    for envelope in &records.events {
        if let Event::CallDispatched(fact) = &envelope.event {
            owners.insert((envelope.session, &*fact.principal.owner));
        }
    }
    let sessions: BTreeSet<_> = owners.iter().map(|(session, _)| *session).collect();
    assert_eq!(sessions.len(), owners.len(), "{owners:?}");
    assert!(owners.len() >= 4);
}

#[test]
fn a_stream_for_news_ends_in_order_with_the_token_that_opened_it() {
    let Some(mut stage) = stage() else { return };
    // Clocks of issuers may be half a minute late, so this one has three seconds yet.
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let over = since - 27;
    let bearer = format!("Bearer {}", stage.token(&json!({"exp": over})));
    let session = mcp::session(stage.gateway.agents, "/mcp", &[("authorization", &*bearer)]);
    let mut connection = Connection::open(stage.gateway.agents).unwrap();
    let listen = format!(
        "GET /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: {bearer}\r\n\
         accept: text/event-stream\r\nmcp-session-id: {session}\r\n\r\n"
    );
    connection.send(listen).unwrap();
    assert_eq!(connection.head().unwrap().status, 200);
    while connection.chunk().unwrap().is_some() {}
    let headers = [("authorization", &*bearer), ("mcp-session-id", &*session)];
    let list = mcp::plain(2, "tools/list");
    assert_eq!(mcp::send(stage.gateway.agents, "/mcp", &headers, list).status(), 401);
    stage.gateway.stop_and_check();
}
