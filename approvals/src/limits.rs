//! How much one agent may ask of people: their attention is what an attacker would exhaust.

use crate::time::after;
use events::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The time that asks are counted in.
const WINDOW: Duration = Duration::from_hours(1);

/// How much may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many calls of one agent may be put before people within an hour. The same call asked
    /// again while it waits is not another; nearly the same is.
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
    #[error(
        "{max} calls of this agent were put before people within an hour, which is as many as may \
         be; it may ask again from {from}"
    )]
    Asks {
        /// How often it may.
        max: u32,
        /// From when it may ask again.
        from: Timestamp,
    },
    /// Too many of the agent's calls wait.
    #[error(
        "{max} calls of this agent wait for people, which is as many as may; it may ask for \
         another when one of them is decided"
    )]
    Pending {
        /// How many may.
        max: usize,
    },
    /// Too many calls wait in all.
    #[error("{max} calls wait for people, which is as many as may; nobody could look at another")]
    Full {
        /// How many may.
        max: usize,
    },
}

impl TooMany {
    /// A name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Asks { .. } => "too_many_asks",
            Self::Pending { .. } => "too_many_pending",
            Self::Full { .. } => "too_many_holds",
        }
    }
}

/// When each agent asked, as far as it matters; a fold over `call.held`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asks {
    asked: BTreeMap<Arc<str>, VecDeque<Timestamp>>,
}

/// How many calls wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Of the agent.
    pub of_agent: usize,
    /// In all.
    pub in_all: usize,
    /// Of the agent, but not on record yet; they count for the others as well.
    pub asking: usize,
}

impl Asks {
    /// An agent's call was put before people.
    pub fn note(&mut self, agent: &Arc<str>, at: Timestamp) {
        let asked = self.asked.entry(Arc::clone(agent)).or_default();
        asked.push_back(at);
        while asked.front().is_some_and(|first| after(*first, WINDOW) <= at) {
            asked.pop_front();
        }
    }

    /// Whether another call of an agent may be put before people.
    pub fn check(
        &self,
        agent: &str,
        waiting: Waiting,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<(), TooMany> {
        if limits.pending_max <= waiting.in_all {
            return Err(TooMany::Full { max: limits.pending_max });
        }
        if limits.pending_per_agent_max <= waiting.of_agent + waiting.asking {
            return Err(TooMany::Pending { max: limits.pending_per_agent_max });
        }
        let none = VecDeque::new();
        let asked = self.asked.get(agent).unwrap_or(&none);
        let old = asked.partition_point(|at| after(*at, WINDOW) <= now);
        let max = usize::try_from(limits.asks_per_hour).unwrap_or(usize::MAX);
        let recent = asked.len() - old;
        // With as many left as may be, the oldest of them has to be an hour ago.
        let Some(over) = (recent + waiting.asking).checked_sub(max) else { return Ok(()) };
        let last = asked.get(old + over).or(asked.back());
        let from = last.map_or(after(now, WINDOW), |at| after(*at, WINDOW));
        Err(TooMany::Asks { max: limits.asks_per_hour, from })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Waiting = Waiting { of_agent: 0, in_all: 0, asking: 0 };

    fn minute(minute: u64) -> Timestamp {
        Timestamp::from_micros(minute * 60_000_000)
    }

    #[test]
    fn an_agent_that_asked_as_often_as_it_may_is_told_from_when_it_may_again() {
        let limits = Limits { asks_per_hour: 3, ..Limits::default() };
        let (mut asks, agent) = (Asks::default(), Arc::from("bot"));
        for at in [10, 20, 30] {
            assert_eq!(asks.check(&agent, NONE, &limits, minute(at)), Ok(()));
            asks.note(&agent, minute(at));
        }
        let refused = asks.check(&agent, NONE, &limits, minute(40));
        assert_eq!(refused, Err(TooMany::Asks { max: 3, from: minute(70) }));
        assert_eq!(asks.check("other", NONE, &limits, minute(40)), Ok(()), "each has its own");
        assert_eq!(asks.check(&agent, NONE, &limits, minute(70)), Ok(()));
    }

    #[test]
    fn of_an_agent_s_asks_only_those_of_an_hour_are_remembered() {
        let (mut asks, agent) = (Asks::default(), Arc::from("bot"));
        (0..1000).for_each(|at| asks.note(&agent, minute(at)));
        assert_eq!(asks.asked[&agent].len(), 60);
    }

    #[test]
    fn neither_an_agent_nor_all_together_have_more_waiting_than_may() {
        let (asks, limits) = (Asks::default(), Limits::default());
        let check = |of_agent, in_all| {
            asks.check("bot", Waiting { of_agent, in_all, asking: 0 }, &limits, minute(1))
        };
        assert_eq!(check(19, 19_999), Ok(()));
        assert_eq!(check(20, 20), Err(TooMany::Pending { max: 20 }));
        assert_eq!(check(0, 20_000), Err(TooMany::Full { max: 20_000 }));
    }
}
