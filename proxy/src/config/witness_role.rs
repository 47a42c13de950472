//! What a valid configuration of a witness says: a file of its own, for a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use tlog::VerifierKey;

use crate::seed::Seed;

/// Everything that the operator of a witness decides.
#[derive(Debug, Clone)]
pub struct WitnessRole {
    /// The folder that everything is kept in.
    pub data: PathBuf,
    /// Where logs and whoever watches them can reach it.
    pub listen: SocketAddr,
    /// The name in its cosignatures.
    pub name: String,
    /// What its key grows from; without one, it is kept in the data folder.
    pub key: Option<Seed>,
    /// The keys of the logs that it cosigns for; each names its log's origin. At least one.
    pub logs: Vec<VerifierKey>,
}
