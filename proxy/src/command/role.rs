//! What a process of the program is for.

/// A role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Role {
    /// Stands between agents and upstreams, and keeps the ledger.
    Gateway,
    /// Lets people decide on the calls that gateways hold.
    Approvals,
    /// Cosigns the checkpoints of gateways on other hosts.
    Witness,
}
