//! What concerns people, told from one process's ledger to another over HTTP: who may ask, what is
//! answered, and how it is followed. Nothing is sent but canonical events.

mod peer;

mod serving;

mod following;

pub use following::{Follower, Portion};
pub use peer::{Answer, Peer, PeerError};
pub use serving::{feed_routes, only_counterparts};
