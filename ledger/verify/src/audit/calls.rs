//! Completeness: one outcome for each dispatched call, and one dispatch for each call.
//!
//! Remembers the calls in flight, and the latest ones that ended.

use events::{CallId, Event};
use std::collections::{HashMap, VecDeque};

/// How many ended calls are remembered, to tell a second dispatch or outcome from a first.
pub(crate) const ENDED_MAX: usize = 1 << 18;

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Outcome,
    Denied,
}

/// What is wrong about a call at an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Whatever part of the log this is.
    Surely(String),
    /// Unless what is missing stands before the part that was read.
    UnlessBefore(String),
}

/// What an event does to its call.
enum Step {
    Hold,
    Dispatch,
    Deny,
    Outcome,
}

fn step(event: &Event) -> Option<Step> {
    if matches!(event, Event::CallHeld(_)) {
        Some(Step::Hold)
    } else if matches!(event, Event::CallDispatched(_)) {
        Some(Step::Dispatch)
    } else if matches!(event, Event::CallDenied(_)) {
        Some(Step::Deny)
    } else {
        event.is_outcome().then_some(Step::Outcome)
    }
}

/// What the calls add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CallCounts {
    /// Calls that were dispatched.
    pub(crate) dispatched: u64,
    /// Calls that were denied.
    pub(crate) denied: u64,
    /// Outcomes.
    pub(crate) outcomes: u64,
    /// Those of them that are in doubt.
    pub(crate) in_doubt: u64,
}

#[derive(Default)]
pub(super) struct Calls {
    open: HashMap<CallId, u64>,
    ended: HashMap<CallId, End>,
    order: VecDeque<CallId>,
    /// How many calls the gateway says to have left open, if it stopped last.
    stopped: Option<u64>,
    pub(super) counts: CallCounts,
}

impl Calls {
    /// Takes the next event; says what is wrong with it.
    pub(super) fn apply(&mut self, at: u64, call: Option<CallId>, event: &Event) -> Option<Wrong> {
        self.stopped = None;
        let mut says = None;
        if let Event::CallInDoubt(fact) = event {
            says = Some(fact.dispatched);
        }
        if let Event::GatewayStopped(stopped) = event {
            self.stopped = Some(stopped.cancelled);
        }
        let step = step(event)?;
        let Some(call) = call else {
            return Some(Wrong::Surely(format!("a `{}` names no call", event.kind())));
        };
        self.counts.in_doubt += u64::from(says.is_some());
        match step {
            Step::Hold => self.hold(call),
            Step::Dispatch => self.dispatch(at, call),
            Step::Deny => self.deny(call),
            Step::Outcome => self.outcome(call, says),
        }
    }

    /// A call that is held is not dispatched, and need not have an outcome.
    fn hold(&self, call: CallId) -> Option<Wrong> {
        let known = self.open.contains_key(&call) || self.ended.contains_key(&call);
        let detail = || format!("`{call}` is held, and was dispatched or denied before");
        known.then(|| Wrong::Surely(detail()))
    }

    fn dispatch(&mut self, at: u64, call: CallId) -> Option<Wrong> {
        self.counts.dispatched += 1;
        let ended = self.ended.get(&call).copied();
        let before = self.open.insert(call, at);
        let how = match (before, ended) {
            (Some(before), _) => format!("a second dispatch of `{call}`: the first is {before}"),
            (None, Some(End::Outcome)) => format!("a second dispatch of `{call}`, which has ended"),
            (None, Some(End::Denied)) => format!("a dispatch of `{call}`, which was denied"),
            (None, None) => return None,
        };
        Some(Wrong::Surely(how))
    }

    fn deny(&mut self, call: CallId) -> Option<Wrong> {
        self.counts.denied += 1;
        let known = self.open.contains_key(&call) || self.ended.contains_key(&call);
        self.end(call, End::Denied);
        let detail = || format!("`{call}` is denied, and was dispatched or denied before");
        known.then(|| Wrong::Surely(detail()))
    }

    fn outcome(&mut self, call: CallId, says: Option<u64>) -> Option<Wrong> {
        self.counts.outcomes += 1;
        let Some(dispatched) = self.open.remove(&call) else {
            let how = match self.ended.get(&call) {
                Some(End::Outcome) => format!("a second outcome of `{call}`"),
                Some(End::Denied) => format!("an outcome of `{call}`, which was denied"),
                None => {
                    self.end(call, End::Outcome);
                    return Some(Wrong::UnlessBefore(format!(
                        "an outcome of `{call}`, which was not dispatched, or has its outcome"
                    )));
                }
            };
            return Some(Wrong::Surely(how));
        };
        self.end(call, End::Outcome);
        let says = says.filter(|says| *says != dispatched)?;
        Some(Wrong::Surely(format!("`{call}` was dispatched at {dispatched}, not at {says}")))
    }

    fn end(&mut self, call: CallId, end: End) {
        if self.ended.insert(call, end).is_some() {
            return;
        }
        self.order.push_back(call);
        if self.order.len() > ENDED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }

    /// The calls that are open although the gateway has started again; they are settled with that.
    pub(super) fn left_open(&mut self) -> Vec<(CallId, u64)> {
        let mut open: Vec<_> = self.open.drain().collect();
        open.sort_unstable_by_key(|(_, at)| *at);
        open
    }

    /// Whether the gateway stopped last, and left no more calls open than it says.
    pub(super) fn stopped_in_order(&self) -> Option<bool> {
        let open = u64::try_from(self.open.len()).unwrap_or(u64::MAX);
        self.stopped.map(|cancelled| open <= cancelled)
    }

    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }
}
