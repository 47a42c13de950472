//! How much one agent may ask of people.

/// How much may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many calls of one agent may be put before people in an hour.
    pub asks_per_hour: u32,
    /// How many calls of one agent may wait.
    pub pending_per_agent_max: usize,
    /// How many calls may wait in all.
    pub pending_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { asks_per_hour: 60, pending_per_agent_max: 20, pending_max: 20_000 }
    }
}

/// Why a call is not put before people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMany {
    /// The agent asked too often.
    #[error("the agent asked people {asks} times within an hour, and may {max} times")]
    Asks {
        /// How often.
        asks: u32,
        /// How often it may.
        max: u32,
    },
    /// Too many of the agent's calls wait.
    #[error("{max} calls of the agent wait for people already, and no more may")]
    Pending {
        /// How many may.
        max: usize,
    },
    /// Too many calls wait in all.
    #[error("{max} calls wait for people already, and no more may")]
    Full {
        /// How many may.
        max: usize,
    },
}
