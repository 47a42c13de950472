//! Keys stay where they belong: the agent's at the gateway, the upstream's behind it.

use std::io;

use serde_json::{Value, json};
use tests::gateway::{Setup, UPSTREAM_KEY};
use tests::upstream::{Request, Upstream, completion};
use tests::wire::{AGENT_KEY, Connection, ask, post};

const BODY: &str = r#"{"model":"m","max_tokens":1,"messages":[]}"#;

#[test]
fn no_credential_of_an_agent_goes_upstream_and_the_upstreams_own_does() {
    let upstream = Upstream::start(|_, connection| connection.reply(200, &completion("well")));
    let setup = Setup::new().provider("openai", &upstream.url(), "*").provider(
        "anthropic",
        &upstream.url(),
        "*",
    );
    let mut gateway = setup.start();
    let bearer = format!("Bearer {AGENT_KEY}");
    let secret = format!("secret-{AGENT_KEY}");
    let spellings: [&[(&str, &str)]; 3] = [
        &[("authorization", &bearer), ("x-api-key", AGENT_KEY), ("api-key", AGENT_KEY)],
        &[("X-API-KEY", AGENT_KEY), ("cookie", &secret), ("x-api-key", AGENT_KEY)],
        &[("AUTHORIZATION", &bearer), ("authorization", &bearer), ("proxy-authorization", &secret)],
    ];
    for headers in spellings {
        for path in ["/v1/chat/completions", "/v1/messages"] {
            let answer = ask(gateway.agents, post(path, headers, BODY)).unwrap();
            assert_eq!(answer.status(), 200, "{headers:?}");
        }
    }
    let own = format!("Bearer {UPSTREAM_KEY}");
    assert_without_key(&upstream.seen());
    for request in upstream.seen() {
        let messages = request.line.contains("/messages");
        let (name, value) =
            if messages { ("x-api-key", UPSTREAM_KEY) } else { ("authorization", &*own) };
        assert_eq!(request.header(name), Some(value));
    }
    assert_eq!(upstream.seen().len(), 6);
    gateway.stop_and_check();
}

fn assert_without_key(requests: &[Request]) {
    for request in requests {
        let leaked = request.headers.iter().any(|(_, value)| value.contains(AGENT_KEY));
        assert!(!leaked && !request.line.contains(AGENT_KEY), "{request:?}");
    }
}

/// Answers model calls and those of a tool server without tools.
fn answer(request: &Request, connection: &mut Connection) -> io::Result<()> {
    if request.line.contains("/v1/") {
        return connection.reply(200, &completion("well"));
    }
    let asked: Value = serde_json::from_slice(&request.body).map_err(io::Error::other)?;
    let result = json!({"capabilities": {"tools": {}}, "tools": [], "resultType": "complete"});
    let response = json!({"jsonrpc": "2.0", "id": asked.get("id"), "result": result});
    connection.reply(200, &response.to_string())
}

#[test]
fn the_agents_key_goes_upstream_in_no_header_and_no_parameter_whatever_its_name() {
    let upstream = Upstream::start(answer);
    let tools = format!("url = \"http://{}/mcp\"", upstream.address);
    let setup = Setup::new()
        .provider("openai", &upstream.url(), "*")
        .provider("anthropic", &upstream.url(), "*")
        .tools("crm", &tools);
    let mut gateway = setup.start();
    let bearer = format!("Bearer {AGENT_KEY}");
    let headers = [
        ("x-goog-api-key", AGENT_KEY),
        ("x-custom", &*bearer),
        ("x-kept", "yes"),
        ("x-twice", AGENT_KEY),
        ("x-twice", "other"),
        ("x-auth-token", "somebody's"),
        ("mcp-param-key", AGENT_KEY),
        ("mcp-param-kept", "yes"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ];
    let encoded = AGENT_KEY.replace('-', "%2d");
    let query = format!("key={AGENT_KEY}&beta=true&%61pi_key=x{encoded}");
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let request = post(&format!("{path}?{query}"), &headers, BODY);
        assert_eq!(ask(gateway.agents, request).unwrap().status(), 200, "{path}");
    }
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let list =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}});
    for path in ["/mcp/crm", "/mcp"] {
        let request = post(&format!("{path}?{query}"), &headers, list.to_string());
        assert_eq!(ask(gateway.agents, request).unwrap().status(), 200, "{path}");
    }
    gateway.stop_and_check();
    let seen = upstream.seen();
    assert_without_key(&seen);
    for request in &seen[..3] {
        assert_eq!(request.header("x-kept"), Some("yes"), "{request:?}");
        assert_eq!(request.header("x-twice"), Some("other"), "{request:?}");
        assert_eq!(request.header("x-auth-token"), None, "{request:?}");
    }
    for request in &seen[..2] {
        assert!(request.line.ends_with("?beta=true HTTP/1.1"), "{request:?}");
    }
    let lists = seen.iter().filter(|request| request.header("mcp-param-kept") == Some("yes"));
    assert_eq!(lists.count(), 4, "{seen:?}");
}

#[test]
fn headers_of_one_connection_and_cookies_stay_on_their_side() {
    let upstream = Upstream::start(|_, connection| {
        connection.send(
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=b\r\nx-kept: yes\r\n\
             www-authenticate: Basic\r\nconnection: x-hop, keep-alive\r\nx-hop: mine\r\n\
             keep-alive: timeout=5\r\n\r\n{}",
        )
    });
    let gateway = Setup::new().provider("openai", &upstream.url(), "*").start();
    let headers = [
        ("connection", "keep-alive, x-private"),
        ("x-private", "mine"),
        ("te", "trailers"),
        ("x-stainless-lang", "rust"),
        ("accept-encoding", "br, gzip"),
    ];
    let mut connection = Connection::open(gateway.agents).unwrap();
    let answer = connection.ask(post("/v1/chat/completions", &headers, BODY)).unwrap();
    for name in ["set-cookie", "www-authenticate", "x-hop", "keep-alive"] {
        assert_eq!(answer.head.header(name), None, "{name} came through");
    }
    assert_eq!(answer.head.header("x-kept"), Some("yes"));
    let seen = upstream.seen();
    let request = seen.first().unwrap();
    for name in ["x-private", "te", "cookie", "authorization-x"] {
        assert_eq!(request.header(name), None, "{name} went upstream");
    }
    assert_eq!(request.header("x-stainless-lang"), Some("rust"));
    assert_eq!(request.header("accept-encoding"), Some("identity"));
    assert_eq!(request.header("host"), Some(&*upstream.address.to_string()));
}
