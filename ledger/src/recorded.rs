//! Proof, in the type system, that a fact is already durable.

use crate::Sequence;
use events::Draft;

/// A fact that the ledger has acknowledged as durable.
///
/// Only the ledger can make one, so a function that asks for `Recorded<T>` cannot be reached by a
/// fact that was not recorded first.
///
/// ```compile_fail
/// fn forge(draft: events::Draft<()>) -> ledger::Recorded<()> {
///     ledger::Recorded { draft, sequence: ledger::Sequence::FIRST }
/// }
/// ```
#[derive(Debug)]
pub struct Recorded<F> {
    draft: Draft<F>,
    sequence: Sequence,
}

impl<F> Recorded<F> {
    /// Attests that `draft` is durable at `sequence`.
    pub(crate) const fn attest(draft: Draft<F>, sequence: Sequence) -> Self {
        Self { draft, sequence }
    }

    /// The event.
    pub const fn event(&self) -> &Draft<F> {
        &self.draft
    }

    /// What happened.
    pub const fn fact(&self) -> &F {
        &self.draft.fact
    }

    /// Where it stands.
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }
}
