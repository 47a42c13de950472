//! A gateway before the stand-in airline, and requests to it.

use std::time::Duration;

use tests::gateway::{Gateway, Setup};
use tests::mcp;
use tests::standins::Standins;
use tests::wire::Answer;

/// The airline and the gateway before it.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    standins: Standins,
}

impl Stage {
    /// Starts both, for the usual agent and one with `OTHER_KEY` that may call one tool; `more`
    /// changes the gateway's setup.
    pub(crate) fn start(more: impl FnOnce(Setup, &str) -> Setup) -> Self {
        let standins = Standins::start(Duration::ZERO);
        let url = standins.airline_url();
        let setup = Setup::new()
            .tools("airline", &format!("url = \"{url}\""))
            .agent("narrow", "key = { env = \"OTHER_KEY\" }\ntools = [\"airline/get_user*\"]");
        Self { gateway: more(setup, &url).start(), standins }
    }

    /// The airline and nothing else.
    pub(crate) fn plain() -> Self {
        Self::start(|setup, _| setup)
    }

    /// Sends one message.
    pub(crate) fn send(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        mcp::send(self.gateway.agents, path, headers, body)
    }

    /// Opens a session; gives its id.
    pub(crate) fn session(&self, path: &str, headers: &[(&str, &str)]) -> String {
        mcp::session(self.gateway.agents, path, headers)
    }

    /// How many requests the airline has seen.
    pub(crate) fn seen(&self) -> u64 {
        self.standins.airline_requests()
    }
}
