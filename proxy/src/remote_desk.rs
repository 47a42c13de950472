//! Holds whose people are in another process than their calls. A gateway holds the calls, counts
//! the votes and decides; the service has the people, their pages and their words. Each keeps a
//! ledger of its own, and tells the other from it.

mod feed;

mod wire;

mod holding;

mod signposts;

mod gateways;

mod shelf;

mod office;

mod hearing;

pub use feed::{Answer, Follower, Peer, PeerError, Portion, feed_routes, only_counterparts};
pub use gateways::Gateways;
pub use hearing::hear;
pub use holding::{holder_routes, take_words};
pub use office::Office;
pub use shelf::Shelf;
pub use signposts::signposts;
