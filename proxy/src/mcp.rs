//! Tool servers: the Model Context Protocol over Streamable HTTP in both of its eras, every message
//! on record before it goes on. What a call may do is decided above; how it is recorded, by the gate.

mod envelope;

mod headers;

mod reply;

mod bound_session;
mod catalogue;

mod clerk;

mod open_calls;
mod reading;

mod http_server;
mod pump;

mod passage;

mod endpoint;

pub use endpoint::Mcp;
pub use reply::problem_reply;
