//! Tool servers in the airline's place that do what a test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tests::tool_server::{ToolCall, ToolServer};

use crate::call::HELD_TOOL;

/// The response to a call, in either era.
pub(crate) fn said(call: &ToolCall, text: &str) -> String {
    let content = json!([{"type": "text", "text": text}]);
    let result = json!({"resultType": "complete", "content": content, "isError": false});
    json!({"jsonrpc": "2.0", "id": call.id, "result": result}).to_string()
}

/// A server whose one tool says `done` to everything.
pub(crate) fn answering() -> ToolServer {
    ToolServer::start(&[HELD_TOOL], |call, connection| connection.reply(200, &said(call, "done")))
}

/// The same, whose tool is described otherwise once the switch is turned.
pub(crate) fn redescribed() -> (ToolServer, Arc<AtomicBool>) {
    let turned = Arc::new(AtomicBool::new(false));
    let read = Arc::clone(&turned);
    let tools = move || {
        let all = json!({"type": "object", "required": ["reservation_id"]});
        let schema = if read.load(Ordering::Acquire) { all } else { json!({"type": "object"}) };
        vec![json!({"name": HELD_TOOL, "inputSchema": schema})]
    };
    let server = ToolServer::listing(tools, |call: &ToolCall, connection| {
        connection.reply(200, &said(call, "done"))
    });
    (server, turned)
}

/// The arguments of every call that came, in order.
pub(crate) fn arguments_of(server: &ToolServer) -> Vec<Value> {
    let given = |call: ToolCall| call.params.get("arguments").cloned().unwrap_or_default();
    server.calls().into_iter().map(given).collect()
}
