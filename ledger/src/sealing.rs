//! Keeps a log sealed while it is written: about once a second, and whenever somebody asks.

use crate::Sequence;
use crate::sealer::{Auditor, LogFiles, SealError, Sealer, Signed};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tlog::{Note, VerifierKey};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// How many may wait for a checkpoint at once; more wait for a place.
const ASKS_MAX: usize = 64;

/// Gets other parties to cosign checkpoints before they count.
pub trait Cosigner: Send + Sync {
    /// Asks for cosignatures of a checkpoint whose files are laid out, and gives its note with
    /// those that came. Fails, in words, if they are not enough; then it is not published.
    fn cosign<'a>(
        &'a self,
        signed: &'a Signed,
        files: &'a LogFiles,
    ) -> Pin<Box<dyn Future<Output = Result<Note, String>> + Send + 'a>>;
}

/// How sealing goes, for whoever watches over the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealHealth {
    /// Checkpoints are signed and published.
    Well,
    /// The last one could not be; it is tried again. What is recorded meanwhile is not sealed yet.
    Delayed(Arc<str>),
    /// The records are not what was signed. Nothing may be added to them any more.
    Failed(Arc<str>),
}

/// Why there is no checkpoint over everything that was recorded before one was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no checkpoint could be published: {0}")]
pub struct NotSealed(Arc<str>);

type Ask = oneshot::Sender<Result<Option<Signed>, NotSealed>>;

/// A handle to a sealer that runs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Sealing {
    asks: mpsc::Sender<Ask>,
    health: watch::Receiver<SealHealth>,
    size: Arc<AtomicU64>,
    committed: watch::Receiver<Sequence>,
    files: LogFiles,
    key: VerifierKey,
}

/// The sealer's task; joined at the end.
#[derive(Debug)]
pub struct SealingTask(JoinHandle<()>);

impl SealingTask {
    /// Waits for the last checkpoint. The ledger must have ended before.
    pub async fn join(self) {
        // It ends in a panic only if the sealer did; then there is no last checkpoint.
        drop(self.0.await);
    }
}

impl Sealing {
    /// Starts to seal in the runtime that this is called in: at most once in `interval` when
    /// `committed` changes, and a last time when the ledger ends.
    pub fn start(
        sealer: Sealer,
        committed: watch::Receiver<Sequence>,
        interval: Duration,
        cosigner: Option<Arc<dyn Cosigner>>,
    ) -> (Self, SealingTask) {
        let (asks, asked) = mpsc::channel(ASKS_MAX);
        let (health, health_seen) = watch::channel(SealHealth::Well);
        let files = sealer.files().clone();
        let key = sealer.key().verifier().clone();
        if let Some(auditor) = sealer.auditor() {
            let health = health.clone();
            std::thread::spawn(move || compare(&auditor, &health));
        }
        let sealer = Arc::new(Mutex::new(sealer));
        let size = Arc::new(AtomicU64::new(0));
        let round =
            Round { sealer, files: files.clone(), cosigner, health, size: Arc::clone(&size) };
        let task = tokio::spawn(run(round, asked, committed.clone(), interval));
        (Self { asks, health: health_seen, size, committed, files, key }, SealingTask(task))
    }

    /// Has a checkpoint published over everything that is committed by now; nothing, where nothing
    /// ever was.
    pub async fn seal_now(&self) -> Result<Option<Signed>, NotSealed> {
        let ended = || NotSealed("the sealer has ended".into());
        let (done, published) = oneshot::channel();
        self.asks.send(done).await.map_err(|_| ended())?;
        published.await.map_err(|_| ended())?
    }

    /// How many events are committed: a checkpoint that is asked for now covers so many.
    pub fn events(&self) -> u64 {
        self.committed.borrow().number()
    }

    /// How many events the last checkpoint covers that was published since the start.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// How sealing goes, as it changes.
    pub fn health(&self) -> watch::Receiver<SealHealth> {
        self.health.clone()
    }

    /// Where the checkpoint and its tiles lie.
    pub const fn files(&self) -> &LogFiles {
        &self.files
    }

    /// The key that verifies the checkpoints.
    pub const fn key(&self) -> &VerifierKey {
        &self.key
    }
}

async fn run(
    round: Round,
    mut asked: mpsc::Receiver<Ask>,
    mut committed: watch::Receiver<Sequence>,
    interval: Duration,
) {
    // What was there before the start is sealed at once.
    committed.mark_changed();
    let mut earliest = Instant::now();
    loop {
        let mut asks: Vec<Ask> = Vec::new();
        let due = async {
            committed.changed().await.is_ok()
                && tokio::select! {
                    () = sleep_until(earliest) => true,
                    () = closed(&mut committed) => false,
                }
        };
        let goes_on = tokio::select! {
            Some(ask) = asked.recv() => {
                asks.push(ask);
                true
            }
            goes_on = due => goes_on,
        };
        while let Ok(ask) = asked.try_recv() {
            asks.push(ask);
        }
        let sealed = round.make().await;
        earliest = Instant::now() + interval;
        let failed = matches!(*round.health.borrow(), SealHealth::Failed(_));
        if sealed.is_err() && !failed {
            committed.mark_changed();
        }
        for ask in asks {
            // Whoever no longer waits does not want to know.
            drop(ask.send(sealed.clone()));
        }
        if failed || !goes_on {
            return;
        }
    }
}

/// Returns when the ledger has ended.
async fn closed(committed: &mut watch::Receiver<Sequence>) {
    while committed.changed().await.is_ok() {}
}

/// How much of its time the comparison of old records leaves to others, for each part it takes.
const OTHERS: u32 = 4;

/// Compares the older records with what was signed, at leisure, until nobody wants to know.
fn compare(auditor: &Auditor, health: &watch::Sender<SealHealth>) {
    let mut began = std::time::Instant::now();
    let mut goes_on = || {
        std::thread::sleep(began.elapsed() * OTHERS);
        began = std::time::Instant::now();
        !health.is_closed()
    };
    match auditor.audit(&mut goes_on) {
        Ok(0) | Err(SealError::Stopped) => {}
        Ok(count) => tracing::warn!(count, "files of the sealed log were damaged and made again"),
        // Old records that cannot be read are not to be told from such as were taken away.
        Err(error) if error.is_passing() && !matches!(error, SealError::Read(_)) => {
            tracing::warn!(%error, "older records not compared");
        }
        Err(error) => {
            health.send_replace(SealHealth::Failed(error.to_string().into()));
        }
    }
}

/// Makes checkpoints, one after the other.
struct Round {
    sealer: Arc<Mutex<Sealer>>,
    files: LogFiles,
    cosigner: Option<Arc<dyn Cosigner>>,
    health: watch::Sender<SealHealth>,
    size: Arc<AtomicU64>,
}

impl Round {
    /// Seals, has it cosigned, and publishes it.
    async fn make(&self) -> Result<Option<Signed>, NotSealed> {
        let made = self.try_make().await;
        let health = match &made {
            Ok(_) => SealHealth::Well,
            Err(Unmade::Passing(detail)) => SealHealth::Delayed(Arc::clone(detail)),
            Err(Unmade::Final(detail)) => SealHealth::Failed(Arc::clone(detail)),
        };
        self.health.send_if_modified(|known| {
            let changed = *known != health && !matches!(known, SealHealth::Failed(_));
            if changed {
                *known = health;
            }
            changed
        });
        made.map_err(|(Unmade::Passing(detail) | Unmade::Final(detail))| NotSealed(detail))
    }

    async fn try_make(&self) -> Result<Option<Signed>, Unmade> {
        let sealed = self.blocking(|sealer| sealer.seal().map(Option::<&Signed>::cloned)).await?;
        let Some(mut signed) = sealed else { return Ok(None) };
        if let Some(cosigner) = &self.cosigner {
            let cosigned = cosigner.cosign(&signed, &self.files).await;
            signed.note = cosigned.map_err(|detail| Unmade::Passing(detail.into()))?;
        }
        let size = signed.checkpoint.size;
        let published = self.blocking(move |sealer| sealer.publish(&signed).map(|()| signed));
        let published = published.await?;
        self.size.store(size, Ordering::Relaxed);
        Ok(Some(published))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Sealer) -> Result<T, SealError> + Send + 'static,
    ) -> Result<T, Unmade> {
        let sealer = Arc::clone(&self.sealer);
        let work = move || work(&mut sealer.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) if error.is_passing() => Err(Unmade::Passing(error.to_string().into())),
            Ok(Err(error)) => Err(Unmade::Final(error.to_string().into())),
            Err(error) => Err(Unmade::Final(error.to_string().into())),
        }
    }
}

/// Why a checkpoint was not made.
enum Unmade {
    /// It is worth trying again.
    Passing(Arc<str>),
    /// It is not.
    Final(Arc<str>),
}

#[cfg(test)]
mod tests;
