//! What a valid configuration of a service says where people decide: a file of its own, for a
//! process of its own.

use super::shape::{Config, Counterpart};

/// Everything that the operator of such a service decides.
#[derive(Debug, Clone)]
pub struct ApprovalsRole {
    /// What it has in common with a gateway: where it is reached and what it keeps, who people are
    /// and how they are told. It has no agent and no upstream.
    pub config: Config,
    /// The gateways whose calls people decide on, in the order of the file; at least one, with
    /// names and keys of their own.
    pub gateways: Vec<Counterpart>,
}
