//! Where it happens: dialects, the gate, upstreams and configuration. The order of the modules
//! below is the reading order; a module uses only those above it.

pub mod config;

pub mod json;

pub mod sse;

pub mod dialect;

pub mod correlate;

pub mod standin;
