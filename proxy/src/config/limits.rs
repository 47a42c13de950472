//! Bounds on what calls may take, with their defaults and how these hang together.

use std::time::Duration;

pub(super) const KIB: usize = 1024;
pub(super) const MIB: usize = 1024 * KIB;
pub(super) const GIB: usize = 1024 * MIB;

/// `[limits]`: bounds on what one call, and all calls together, may take. Reaching one is an
/// explained error to the agent and an event, never a silent loss.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body, in bytes.
    pub body_bytes_max: usize,
    /// Request bodies held at once over all calls, in bytes, and as much again for answers; at
    /// least `body_bytes_max`.
    pub memory_bytes_max: usize,
    /// Largest answer of an upstream, in bytes.
    pub answer_bytes_max: usize,
    /// Connections held open by agents at once.
    pub connections_max: usize,
    /// Deepest nesting of a JSON document.
    pub json_depth_max: usize,
    /// From a request's first byte to the end of its headers, and from the connection to the first
    /// byte of its first request.
    pub header_timeout: Duration,
    /// How long an agent may keep a connection open after an answer without asking anything.
    pub idle_timeout: Duration,
    /// From the headers to the end of the request's body.
    pub body_timeout: Duration,
    /// Until an upstream has taken the connection, TLS included.
    pub upstream_connect_timeout: Duration,
    /// How long an upstream may send no byte.
    pub upstream_idle_timeout: Duration,
    /// How long calls in flight may take to end when the gateway is asked to stop.
    pub drain_timeout: Duration,
}

const BODY_BYTES_MAX: usize = 64 * MIB;
const MEMORY_BYTES_MAX: usize = 256 * MIB;
const _: () = assert!(BODY_BYTES_MAX <= MEMORY_BYTES_MAX, "a body must fit into the memory for it");

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: BODY_BYTES_MAX,
            memory_bytes_max: MEMORY_BYTES_MAX,
            answer_bytes_max: 64 * MIB,
            connections_max: 1024,
            json_depth_max: 128,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(2),
            body_timeout: Duration::from_mins(1),
            upstream_connect_timeout: Duration::from_secs(10),
            upstream_idle_timeout: Duration::from_mins(5),
            drain_timeout: Duration::from_secs(30),
        }
    }
}
