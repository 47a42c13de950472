//! Where it happens: dialects, the gate, upstreams and configuration. The order of the modules
//! below is the reading order; a module uses only those above it.

pub mod clock;

pub mod keys;

pub mod config;

pub mod caller;

pub mod keyring;

pub mod json;

pub mod sse;

pub mod dialect;

pub mod correlate;

pub mod problem;

pub mod metrics;

pub mod tasks;

pub mod memory;

pub mod body;

pub mod heard;

pub mod patience;

pub mod explained;

pub mod credentials;

pub mod tokens;

pub mod standing;

pub mod upstream;

pub mod witness;

pub mod catalogue;

pub mod rules;

pub mod policing;

pub mod prices;

pub mod facts;

pub mod gate;

pub mod model;

pub mod mcp;

pub mod recover;

pub mod server;

pub mod payload_keys;

pub mod log_policy;

pub mod custody;

pub mod keeper;

pub mod keeper_routes;

pub mod evidence;

pub mod room;

pub mod notices;

pub mod site_wiring;

pub mod remote_desk;

pub mod people;

pub mod people_listener;

pub mod watch;

pub mod gateway;

pub mod standin;

pub mod bench;

pub mod command;
