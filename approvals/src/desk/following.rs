//! Takes notice of what others record: sign-ins, dispatches, what another program did.

use super::Desk;
use events::Envelope;
use ledger::Sequence;
use ledger::log::ReadError;
use std::sync::Arc;
use std::time::Duration;

/// How many bytes of events are read at once.
const READ_BYTES: usize = 1 << 20;

/// How long to wait after the ledger could not be read.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What the kinds begin with that a desk takes notice of, besides dispatches by a grant.
const KINDS: [&[u8]; 6] =
    [b"agent.", b"call.held", b"delegation.", b"grant.", b"hold.", b"person."];

const TYPE: &[u8] = b"\"type\":\"";
const GRANT: &[u8] = b"\"grant\":\"";

/// More than the longest kind takes at the end of a record, where it stands.
const TAIL_BYTES: usize = 64;

/// Whether a record may be one that a desk takes notice of. Most are not, and need not be parsed;
/// too many do no harm.
pub fn concerns(record: &[u8]) -> bool {
    let tail = record.get(record.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
    let at = tail.windows(TYPE.len()).rposition(|window| window == TYPE);
    let Some(kind) = at.and_then(|at| tail.get(at + TYPE.len()..)) else { return true };
    if kind.starts_with(b"call.dispatched") {
        return record.windows(GRANT.len()).any(|window| window == GRANT);
    }
    KINDS.iter().any(|prefix| kind.starts_with(prefix))
}

impl Desk {
    /// Shows itself everything that is recorded since it was made, for as long as it is waited for.
    pub(super) async fn follow(&self) {
        let mut committed = self.0.ledger.committed();
        let mut next = self.0.from;
        loop {
            let until = *committed.borrow_and_update();
            while next < until {
                match self.read(next).await {
                    Ok(read) if next < read => next = read,
                    Ok(_) => break,
                    Err(error) => {
                        tracing::warn!(%error, "approvals do not see what is recorded");
                        tokio::time::sleep(RETRY_AFTER).await;
                    }
                }
            }
            if committed.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Reads on; says from where to go on.
    async fn read(&self, from: Sequence) -> Result<Sequence, ReadError> {
        let reader = Arc::clone(self.0.ledger.reader());
        let read = move || reader.read(from, READ_BYTES);
        let Ok(records) = tokio::task::spawn_blocking(read).await else { return Ok(from) };
        let mut next = from;
        for record in records? {
            if concerns(&record) {
                match Envelope::parse(&record) {
                    Ok(envelope) => self.apply(&envelope),
                    Err(error) => tracing::error!(%error, "approvals cannot read an event"),
                }
            }
            next = next.after(1);
        }
        Ok(next)
    }
}
