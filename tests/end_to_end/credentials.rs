//! Keys stay where they belong: the agent's at the gateway, the upstream's behind it.

use tests::gateway::{Setup, UPSTREAM_KEY};
use tests::upstream::{Upstream, completion};
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
    for request in upstream.seen() {
        let leaked = request.headers.iter().any(|(_, value)| value.contains(AGENT_KEY));
        assert!(!leaked, "{request:?}");
        let messages = request.line.contains("/messages");
        let (name, value) =
            if messages { ("x-api-key", UPSTREAM_KEY) } else { ("authorization", &*own) };
        assert_eq!(request.header(name), Some(value));
    }
    assert_eq!(upstream.seen().len(), 6);
    gateway.stop_and_check();
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
