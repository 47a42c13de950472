//! What a valid configuration of a witness says: a file of its own, for a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use tlog::VerifierKey;

use super::secret::Secret;

/// Everything that the operator of a witness decides.
#[derive(Debug, Clone)]
pub struct WitnessRole {
    /// The folder that everything is kept in.
    pub data: PathBuf,
    /// Where logs and whoever watches them can reach it.
    pub listen: SocketAddr,
    /// The name in its cosignatures.
    pub name: String,
    /// The private key that it cosigns with, of this name; nothing: the one in the data folder,
    /// made there at the first start.
    pub key: Option<Secret>,
    /// The keys of the logs that it cosigns for; each names its log's origin. At least one.
    pub logs: Vec<VerifierKey>,
}
