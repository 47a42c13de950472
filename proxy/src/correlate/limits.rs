//! How much is remembered, and how long; nothing here decides anything.

/// Bounds of what a [`Correlator`](super::Correlator) remembers. The counts are totals over all
/// agents; when one is reached, the agent with the most loses its oldest, so that a noisy agent
/// forgets its own past first. At the defaults it is less than 10 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Agents; the one unused for longest is forgotten whole.
    pub agents: usize,
    /// Places in conversations where a later request may go on, two or three for each model call;
    /// about 200 bytes each.
    pub places: usize,
    /// Tool calls that models asked for; at most 800 bytes each.
    pub asked: usize,
    /// Tool calls that were made; at most 800 bytes each.
    pub served: usize,
    /// Findings about results that are not raised again; about 100 bytes each.
    pub told: usize,
    /// Protocol sessions and the sessions that their calls turned out to belong to; about 120
    /// bytes each.
    pub protocol: usize,
    /// Calls between question and answer; about 200 bytes each.
    pub open: usize,
    /// How long after an answer a tool call may be taken for one that it asked for, in
    /// microseconds; a caller that sends the id may come later.
    pub window_us: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            agents: 1024,
            places: 12_288,
            asked: 3072,
            served: 3072,
            told: 4096,
            protocol: 2048,
            open: 4096,
            window_us: 15 * 60 * 1_000_000,
        }
    }
}

/// How long after an answer its tool calls are preferred to equal ones of older answers, whose
/// agents may have given up, in microseconds.
pub(super) const FRESH_US: u64 = 30 * 1_000_000;

/// Ids and names longer than this many bytes are remembered and recorded shortened.
pub(super) const NAME_BYTES_MAX: usize = 128;

/// How much of a `call.completed` event the tool calls of an answer may take, in bytes of JSON. An
/// event stays under 64 KiB; further calls are not expected, so that each is a finding when made.
pub(super) const TOOL_CALLS_BYTES_MAX: usize = 32 * 1024;

/// How many parts of one tool result can be recognised singly.
pub(super) const RESULT_PARTS_MAX: usize = 8;

/// How many results that were never served are told singly for one request; the last tells of the
/// others.
pub(super) const UNSERVED_NOTES_MAX: usize = 16;

/// How many turns back a request may differ from what is known and still be found to go on from it.
pub(super) const LOOKBACK_MAX: usize = 4096;

/// How many equal things are compared to find the best, the newest of them: whoever does the same
/// again and again must not make every decision slow.
pub(super) const EQUAL_MAX: usize = 256;

/// Shorter results than this many bytes say too little to recognise a tool call by.
pub(super) const TELLING_BYTES_MIN: usize = 32;
