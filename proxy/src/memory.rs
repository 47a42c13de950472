//! The memory that bodies may take, all calls together: budgets in KiB, waited for, not exceeded.
//!
//! Requests and answers have a budget each. With one for both, requests that hold all of it would
//! wait for the memory of their own answers, and these would be lost after the calls were made.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const UNIT_BYTES: usize = 1024;

/// How long a call waits for memory that others hold.
const WAIT: Duration = Duration::from_secs(5);

/// The budgets; cheap to clone.
#[derive(Clone, Debug)]
pub struct Memory {
    requests: Budget,
    answers: Budget,
}

#[derive(Clone, Debug)]
struct Budget {
    units: Arc<Semaphore>,
    units_max: usize,
}

/// There was not enough memory in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all {0} bytes of memory for bodies are in use; try again later")]
pub struct Exhausted(usize);

/// What one body holds; given back when dropped.
#[derive(Debug)]
pub struct Held {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Memory {
    /// A budget of this many bytes for requests, and one of as many for answers.
    pub fn new(bytes_max: usize) -> Self {
        Self { requests: Budget::new(bytes_max), answers: Budget::new(bytes_max) }
    }

    /// Holds nothing yet, for a request.
    pub fn hold(&self) -> Held {
        self.requests.hold()
    }

    /// Holds nothing yet, for an answer.
    pub fn hold_answer(&self) -> Held {
        self.answers.hold()
    }

    /// How many bytes are held now.
    pub fn bytes_held(&self) -> usize {
        self.requests.bytes_held() + self.answers.bytes_held()
    }
}

impl Budget {
    fn new(bytes_max: usize) -> Self {
        let units_max = bytes_max.div_ceil(UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(units_max)), units_max }
    }

    fn hold(&self) -> Held {
        Held { budget: self.clone(), permit: None, bytes: 0 }
    }

    fn bytes_held(&self) -> usize {
        (self.units_max - self.units.available_permits()) * UNIT_BYTES
    }
}

impl Held {
    /// Makes sure that `bytes` in all are held; waits a little if others hold too much.
    pub async fn reserve(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let missing = bytes.saturating_sub(self.bytes).div_ceil(UNIT_BYTES);
        if missing == 0 {
            return Ok(());
        }
        let exhausted = Exhausted(self.budget.units_max * UNIT_BYTES);
        if self.budget.units_max < missing {
            return Err(exhausted);
        }
        let units = u32::try_from(missing).map_err(|_| exhausted)?;
        let semaphore = Arc::clone(&self.budget.units);
        let permit = match Arc::clone(&semaphore).try_acquire_many_owned(units) {
            Ok(permit) => permit,
            Err(_) => tokio::time::timeout(WAIT, semaphore.acquire_many_owned(units))
                .await
                .map_err(|_| exhausted)?
                .map_err(|_| exhausted)?,
        };
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        self.bytes += missing * UNIT_BYTES;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_over_the_budget_waits_and_is_then_refused() {
        let memory = Memory::new(8 * UNIT_BYTES);
        let mut first = memory.hold();
        first.reserve(6 * UNIT_BYTES).await.unwrap();
        let mut second = memory.hold();
        assert!(second.reserve(3 * UNIT_BYTES).await.is_err());
        drop(first);
        second.reserve(3 * UNIT_BYTES).await.unwrap();
        assert_eq!(memory.bytes_held(), 3 * UNIT_BYTES);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_never_waits_for_requests() {
        let memory = Memory::new(8 * UNIT_BYTES);
        let mut request = memory.hold();
        request.reserve(8 * UNIT_BYTES).await.unwrap();
        let mut answer = memory.hold_answer();
        answer.reserve(8 * UNIT_BYTES).await.unwrap();
        assert_eq!(memory.bytes_held(), 16 * UNIT_BYTES);
    }
}
