//! What an agent asks for, as its dialect was understood.

use crate::caller::Caller;
use crate::dialect::Request;
use events::{Dialect, Operation};
use std::sync::Arc;

/// What an agent asks for, as its dialect was understood.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// The dialect spoken.
    pub dialect: Dialect,
    /// What kind of thing is asked.
    pub operation: Operation,
    /// The protocol's own name of it.
    pub method: Arc<str>,
    /// The model asked for.
    pub model: Option<Arc<str>>,
    /// The tool, resource or prompt, by its upstream's name.
    pub target: Option<Arc<str>>,
    /// Where it would go.
    pub upstream: Arc<str>,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// `traceparent` as sent.
    pub trace: Option<&'a str>,
    /// Exactly the bytes that would go upstream.
    pub body: &'a [u8],
    /// The ends of the conversation's turns in `body`.
    pub cuts: &'a [usize],
    /// What is asked for, in words, for a denial.
    pub object: String,
    /// Whether the agent's lists name it.
    pub listed: bool,
    /// What correlation needs.
    pub content: Content<'a>,
}

impl<'a> Ask<'a> {
    /// The arguments of a tool or a prompt as JSON text.
    pub const fn arguments(&self) -> Option<&'a str> {
        match self.content {
            Content::Tool { arguments, .. } | Content::Other { arguments, .. } => arguments,
            Content::Model { .. } => None,
        }
    }

    /// The tool called, by its server's name.
    pub const fn tool(&self) -> Option<&'a str> {
        match self.content {
            Content::Tool { tool, .. } => Some(tool),
            Content::Model { .. } | Content::Other { .. } => None,
        }
    }
}

/// What correlation needs to know of a call.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// A model call.
    Model {
        /// Its body as read.
        request: &'a Request<'a>,
        /// A session id that the caller sent in a header.
        claimed_session: Option<&'a str>,
    },
    /// A tool call.
    Tool {
        /// The tool server.
        server: &'a str,
        /// The tool by its own name.
        tool: &'a str,
        /// The tool by the name that the agent used.
        exposed: &'a str,
        /// Its arguments as JSON text.
        arguments: Option<&'a str>,
        /// `params._meta` as JSON text.
        meta: Option<&'a str>,
        /// The MCP session, where the protocol has one.
        protocol_session: Option<&'a str>,
    },
    /// Anything else.
    Other {
        /// Its arguments as JSON text, where it is a prompt.
        arguments: Option<&'a str>,
        /// The MCP session, where the protocol has one.
        protocol_session: Option<&'a str>,
    },
}
