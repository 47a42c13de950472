//! The stand-in provider and airline, on a runtime of their own beside a test that has none.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use proxy::standin::player::{Played, Player, play_all};
use proxy::standin::recording::Recordings;
use proxy::standin::server::Handle;
use proxy::standin::{airline, player, provider};
use tokio::runtime::Runtime;

use crate::gateway::UPSTREAM_KEY;

/// Both stand-ins, until dropped.
pub struct Standins {
    /// What they replay.
    pub recordings: Arc<Recordings>,
    provider: Handle,
    airline: Handle,
    runtime: Runtime,
}

impl Standins {
    /// Starts them; the provider thinks for `delay` before each answer.
    pub fn start(delay: Duration) -> Self {
        Self::replaying(Recordings::embedded().unwrap(), delay)
    }

    /// The same, from these recordings.
    pub fn replaying(recordings: Recordings, delay: Duration) -> Self {
        let runtime = Runtime::new().unwrap();
        let recordings = Arc::new(recordings);
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let key = Some(UPSTREAM_KEY.to_owned());
        let options = provider::Options { key, delay, ..Default::default() };
        let starting = provider::start(anywhere, Arc::clone(&recordings), options);
        let provider = runtime.block_on(starting).unwrap();
        // It wants no key, so that agents can also reach it past the gateway.
        let options = airline::Options::default();
        let starting = airline::start(anywhere, Arc::clone(&recordings), options);
        let airline = runtime.block_on(starting).unwrap();
        Self { recordings, provider, airline, runtime }
    }

    /// The provider as the configuration wants it.
    pub fn provider_url(&self) -> String {
        format!("http://{}/v1", self.provider.addr())
    }

    /// The airline's MCP endpoint.
    pub fn airline_url(&self) -> String {
        format!("http://{}{}", self.airline.addr(), airline::PATH)
    }

    /// How many requests the airline has seen.
    pub fn airline_requests(&self) -> u64 {
        self.airline.requests()
    }

    /// Plays every session once, with as many agents as there are options.
    pub fn play(&self, options: impl IntoIterator<Item = player::Options>) -> Played {
        let recordings = || Arc::clone(&self.recordings);
        let players = options.into_iter().map(|options| Player::new(recordings(), options));
        let count = self.recordings.sessions().len();
        self.runtime.block_on(play_all(players.collect(), 0..count))
    }
}
