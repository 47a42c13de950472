//! MCP 2026-07-28: every request stands by itself and says in headers what its body says.

use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    Airline,
    message::{Asked, INVALID_PARAMS, METHOD_NOT_FOUND, Reply, header},
};
use crate::standin::object::{set, text};

/// The one version of this era.
pub(super) const VERSION: &str = "2026-07-28";

/// What the server tells models about itself.
pub(super) const INSTRUCTIONS: &str = "Tools of an airline, answered from recorded sessions.";

const HEADER_MISMATCH: i64 = -32020;
const UNSUPPORTED_VERSION: i64 = -32022;

/// How long clients may keep what does not change while the server runs.
const TTL_MS: u64 = 60_000;

const META_VERSION: &str = "/_meta/io.modelcontextprotocol~1protocolVersion";
const META_CAPABILITIES: &str = "/_meta/io.modelcontextprotocol~1clientCapabilities";

/// Whether a message is of this era: by its metadata, or by a header that no older era knows.
pub(super) fn speaks(headers: &HeaderMap, asked: &Asked) -> bool {
    asked.method != "initialize"
        && (asked.params.pointer(META_VERSION).is_some()
            || header(headers, "mcp-protocol-version") >= VERSION)
}

/// Checks metadata and headers as the specification demands of a server that reads bodies.
///
/// A header in the Base64 form never matches: no name here needs it.
pub(super) fn check(headers: &HeaderMap, asked: &Asked) -> Result<(), Reply> {
    let id = asked.id.as_ref();
    let version = text(&asked.params, META_VERSION);
    if version.is_empty() || asked.params.pointer(META_CAPABILITIES).is_none() {
        let message = "`_meta` lacks the protocol version or the client's capabilities";
        return Err(Reply::refuse(id, INVALID_PARAMS, message));
    }
    let name = if asked.method == "tools/call" { text(&asked.params, "/name") } else { "" };
    for (key, expected) in [
        ("mcp-protocol-version", version),
        ("mcp-method", asked.method.as_str()),
        ("mcp-name", name),
    ] {
        let found = header(headers, key);
        if found != expected && !(key == "mcp-name" && expected.is_empty()) {
            let message = format!("the header `{key}` is `{found}` but the body says `{expected}`");
            return Err(Reply::refuse(id, HEADER_MISMATCH, &message));
        }
    }
    if version != VERSION {
        let data = json!({"supported": [VERSION], "requested": version});
        let refusal = Reply::refuse(id, UNSUPPORTED_VERSION, "unsupported protocol version");
        return Err(refusal.explained(data));
    }
    Ok(())
}

/// Answers a checked message.
pub(super) fn answer(airline: &Airline, asked: &Asked) -> Reply {
    let Some(id) = &asked.id else {
        return Reply::empty(StatusCode::ACCEPTED);
    };
    let result = match asked.method.as_str() {
        "server/discover" => cacheable(json!({
            "supportedVersions": [VERSION],
            "capabilities": {"tools": {}},
            "instructions": INSTRUCTIONS,
        })),
        "tools/list" => cacheable(json!({"tools": airline.tools()})),
        "tools/call" => match airline.call(&asked.params) {
            Ok(result) => result,
            Err(message) => return Reply::refuse(Some(id), INVALID_PARAMS, &message),
        },
        other => {
            let message = format!("unknown method: `{other}`");
            let status = StatusCode::NOT_FOUND;
            return Reply::error(status, Some(id), METHOD_NOT_FOUND, &message);
        }
    };
    Reply::result(id, &complete(result))
}

fn cacheable(mut result: Value) -> Value {
    set(&mut result, "ttlMs", TTL_MS);
    set(&mut result, "cacheScope", "public");
    result
}

fn complete(mut result: Value) -> Value {
    set(&mut result, "resultType", "complete");
    let server = json!({"name": "airline", "version": "1.0.0"});
    set(&mut result, "_meta", json!({"io.modelcontextprotocol/serverInfo": server}));
    result
}
