//! What it adds up to: read models folded from events, how they are shown, and evidence. Nothing
//! here records; `export` alone reads a ledger and writes, to where it is told to.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
mod projection;

#[cfg(test)]
mod samples;

mod hold;

mod calls;

mod session_calls;

mod trace;

mod keeping;

mod safe_text;

mod excerpt;

mod words;

mod summary;

mod drawing;

mod trace_text;

mod trace_json;

pub mod export;

pub use calls::{Asked, Call, Calls, Grant, Outcome, Relayed};
pub use excerpt::{answer_text, arguments_text, result_text, user_text};
pub use hold::{Hold, HoldState, HoldStep};
pub use keeping::{Criterion, Keeping, Kept, Selection, Used};
pub use projection::{Fold, FoldError, Projection};
pub use safe_text::one_line;
pub use session_calls::{Locator, Members, SessionCalls, Wanted};
pub use summary::summary;
pub use trace::{Branch, Step, Trace};
pub use trace_json::trace_json;
pub use trace_text::{Look, Payloads, trace_text};
