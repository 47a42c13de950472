//! Events on their way to the ledger, and with them what it missed before.

use super::Gate;
use super::gap::{Carried, Gap};
use crate::tasks::Tasks;
use events::Fact;
use ledger::{Entry, Pending, RecordError, Recorded};

/// An event on its way to the disk. Dropped before that is settled, it is waited for elsewhere.
struct Keeping<F: Fact + Send + 'static> {
    gap: Gap,
    tasks: Tasks,
    under_way: Option<(Pending<F>, Carried)>,
}

impl<F: Fact + Send + 'static> Keeping<F> {
    async fn durable(mut self) -> Result<Recorded<F>, RecordError> {
        let Some((pending, _)) = &mut self.under_way else {
            return Err(RecordError::Stopped("nothing is under way".into()));
        };
        let recorded = pending.durable().await;
        if matches!(recorded, Err(RecordError::TimedOut(_))) {
            return recorded;
        }
        if let Some((_, carried)) = self.under_way.take() {
            self.gap.settle(recorded.as_ref().err(), carried);
        }
        recorded
    }
}

impl<F: Fact + Send + 'static> Drop for Keeping<F> {
    fn drop(&mut self) {
        let Some((mut pending, carried)) = self.under_way.take() else { return };
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let gap = self.gap.clone();
        self.tasks.spawn(async move {
            let recorded = settled(&mut pending).await;
            gap.settle(recorded.as_ref().err(), carried);
        });
    }
}

/// Waits as long as it takes to learn whether something is durable.
pub(super) async fn settled<F: Fact>(pending: &mut Pending<F>) -> Result<Recorded<F>, RecordError> {
    loop {
        let recorded = pending.durable().await;
        if !matches!(recorded, Err(RecordError::TimedOut(_))) {
            return recorded;
        }
    }
}

impl Gate {
    /// Records something that was not done yet. On an error it is turned away, and counted once it
    /// is known that it is not on record.
    pub(super) async fn keep<F: Fact + Send + 'static>(
        &self,
        entry: impl Into<Entry<F>>,
    ) -> Result<Recorded<F>, RecordError> {
        let under_way = Some(self.begin(entry.into()).await?);
        let (gap, tasks) = (self.gap.clone(), self.tasks.clone());
        Keeping { gap, tasks, under_way }.durable().await
    }

    /// Begins to record something that was not done yet, and with it what the ledger missed.
    pub(super) async fn begin<F: Fact>(
        &self,
        mut entry: Entry<F>,
    ) -> Result<(Pending<F>, Carried), RecordError> {
        let carried = self.gap.carry();
        entry.also.extend(carried.event());
        match self.ledger.submit(entry).await {
            Ok(pending) => Ok((pending, carried)),
            Err(error) => {
                drop(carried);
                self.gap.count(&error);
                Err(error)
            }
        }
    }

    /// Tells the ledger what it missed, if it missed anything, as long as that takes.
    pub async fn tell_gap(&self) {
        let carried = self.gap.carry();
        let Some(draft) = carried.draft() else { return };
        if let Ok(mut pending) = self.ledger.submit(draft.into()).await
            && settled(&mut pending).await.is_ok()
        {
            carried.told();
        }
    }

    /// As [`Gate::tell_gap`] before the end: out of the reserve, in the time that a call has, and
    /// said in the log where even that does not go.
    pub async fn tell_gap_at_last(&self) {
        let carried = self.gap.carry();
        let Some(draft) = carried.draft() else { return };
        match self.ledger.record(Entry::from(draft).reserved()).await {
            Ok(_) => carried.told(),
            Err(_) => drop(carried),
        }
        self.gap.give_up();
    }
}
