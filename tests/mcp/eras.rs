//! Agents of one era before servers of the other.

use serde_json::json;
use tests::gateway::Setup;

use crate::servers::{legacy, message, modern, response};
use tests::mcp::{MODERN, send};

#[test]
fn a_legacy_server_gets_the_requests_of_a_modern_agent_in_its_own_words() {
    let upstream = legacy(json!({"resources": {}}), |_, asked, connection| {
        let contents = json!([{"uri": "test://a", "text": "x"}]);
        connection.reply(200, &response(asked, &json!({"content": [], "contents": contents})))
    });
    let mut gateway = Setup::new().tools("old", &format!("url = \"{}\"", upstream.url())).start();
    for (method, key, target) in
        [("tools/call", "name", "old__work"), ("resources/read", "uri", "old+test://a")]
    {
        let headers =
            [("mcp-protocol-version", MODERN), ("mcp-method", method), ("mcp-name", target)];
        let body = modern("7", method, &json!({key: target}));
        let result = send(gateway.agents, "/mcp", &headers, &body).json()["result"].clone();
        assert_eq!(result["resultType"], "complete", "{result}");
        let cached = result["ttlMs"] == 0 && result["cacheScope"] == "private";
        assert_eq!(cached, method == "resources/read", "{result}");
    }
    let seen = upstream.seen();
    let session: Vec<_> =
        seen.iter().filter(|request| request.header("mcp-session-id").is_some()).collect();
    assert!(session.len() >= 3, "a list, a call, and a read");
    for request in session {
        let asked = message(request);
        assert_eq!(request.header("mcp-protocol-version"), Some("2025-11-25"), "{asked}");
        assert_eq!(request.header("mcp-method"), None, "{asked}");
        let meta = asked["params"]["_meta"].to_string();
        assert!(!meta.contains("io.modelcontextprotocol"), "{asked}");
    }
    gateway.stop_and_check();
}
