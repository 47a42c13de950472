//! Tool servers: the Model Context Protocol over Streamable HTTP in both of its eras, every message
//! on record before it goes on. What a call may do is decided above; how it is recorded, by the
//! gate.
//!
//! `/mcp/{server}` of an HTTP server is a `passage`: bytes pass as they are. Of a process, and for
//! all servers behind `/mcp`, the gateway itself is the server that agents see: a `host`.

mod envelope;

mod headers;

mod reply;

mod bound_session;
mod names;

mod request_state;

mod clerk;

mod reading;

mod parts;

mod open_calls;

mod awaited;

mod http_server;
mod pump;

mod passage;

mod line_link;

mod process;

mod http_line;

mod line;

mod floor;
mod speaker;

mod merged_text;

mod unanswered;

mod carrier;

mod news;

mod host;

mod unasked;

mod connect;

mod errand;

mod legacy_subscription;
mod merged_list;

mod subscription;

mod merged;

mod hosted;

mod endpoint;

pub use endpoint::Mcp;
pub use envelope::{Kind, Malformed, Message};
pub use merged_text::{
    inward_subscription, inward_uri, outward_message, outward_result, outward_uri,
};
pub use reply::problem_reply;
