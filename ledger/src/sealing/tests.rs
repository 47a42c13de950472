//! Sealing while a ledger is written.

use super::{Cosigner, SealHealth, Sealing};
use crate::Sequence;
use crate::backend::memory::MemoryStore;
use crate::log::{Batch, Log};
use crate::sealer::{DirectoryLock, LogFiles, LostLock, Sealer, Signed};
use bytes::Bytes;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tlog::{Note, SigningKey};
use tokio::sync::watch;

/// No checkpoint is due by itself in a test.
const NEVER: Duration = Duration::from_hours(24);

fn sealer(dir: &Path, log: &dyn Log) -> Sealer {
    let key = SigningKey::from_seed("log.example/0", &[7; 32]).unwrap();
    let lock = Box::new(DirectoryLock::open(&dir.join("lock"), "log").unwrap());
    let files = LogFiles::new(dir.join("tlog"));
    Sealer::open(log.reader(), files, lock, key, LostLock::Refuse).unwrap()
}

fn append(log: &mut dyn Log, committed: &watch::Sender<Sequence>, text: &'static str) {
    let records = vec![Bytes::from_static(text.as_bytes())];
    log.append(&Batch { records, payloads: Vec::new() }).unwrap();
    committed.send_replace(log.next());
}

/// Cosigns nothing, and refuses as long as it is told to.
struct Moody(AtomicBool);

impl Cosigner for Moody {
    fn cosign<'a>(
        &'a self,
        signed: &'a Signed,
        _files: &'a LogFiles,
    ) -> Pin<Box<dyn Future<Output = Result<Note, String>> + Send + 'a>> {
        let refuses = self.0.load(Ordering::SeqCst);
        let answer = if refuses { Err("not now".to_owned()) } else { Ok(signed.note.clone()) };
        Box::pin(async move { answer })
    }
}

#[tokio::test]
async fn whoever_asks_gets_a_checkpoint_over_all_that_was_committed_before() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = MemoryStore::default().open().unwrap();
    let (committed, seen) = watch::channel(log.next());
    let (sealing, task) = Sealing::start(sealer(dir.path(), &log), seen, NEVER, None);
    assert_eq!(sealing.seal_now().await.unwrap(), None);
    for (size, text) in [(1, "one"), (2, "two"), (3, "three")] {
        append(&mut log, &committed, text);
        let signed = sealing.seal_now().await.unwrap().unwrap();
        assert_eq!(signed.checkpoint.size, size);
        let published = sealing.files().checkpoint().unwrap().unwrap();
        assert_eq!(published, signed.note.to_string());
        assert_eq!(sealing.size(), size);
    }
    append(&mut log, &committed, "last");
    drop(committed);
    task.join().await;
    assert_eq!(sealing.size(), 4, "the last checkpoint is over everything");
    sealing.seal_now().await.unwrap_err();
}

#[tokio::test]
async fn a_checkpoint_that_is_not_cosigned_is_not_published_and_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = MemoryStore::default().open().unwrap();
    let (committed, seen) = watch::channel(log.next());
    let moody = Arc::new(Moody(AtomicBool::new(true)));
    let cosigner: Arc<dyn Cosigner> = Arc::clone(&moody) as _;
    append(&mut log, &committed, "one");
    let sealer = sealer(dir.path(), &log);
    let (sealing, task) = Sealing::start(sealer, seen, Duration::ZERO, Some(cosigner));
    let mut health = sealing.health();
    let delayed = SealHealth::Delayed("not now".into());
    health.wait_for(|health| *health == delayed).await.unwrap();
    assert_eq!(sealing.files().checkpoint().unwrap(), None);
    moody.0.store(false, Ordering::SeqCst);
    health.wait_for(|health| *health == SealHealth::Well).await.unwrap();
    assert!(sealing.files().checkpoint().unwrap().is_some());
    drop(committed);
    task.join().await;
}

#[tokio::test]
async fn a_ledger_whose_lock_was_taken_over_stops_being_sealed() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = MemoryStore::default().open().unwrap();
    let (committed, seen) = watch::channel(log.next());
    let (sealing, task) = Sealing::start(sealer(dir.path(), &log), seen, NEVER, None);
    append(&mut log, &committed, "one");
    sealing.seal_now().await.unwrap();
    std::fs::write(dir.path().join("lock/log.checkpoint"), "somebody else's").unwrap();
    append(&mut log, &committed, "two");
    let error = sealing.seal_now().await.unwrap_err();
    assert!(error.to_string().contains("another copy of the ledger"), "{error}");
    assert!(matches!(&*sealing.health().borrow(), SealHealth::Failed(_)));
    task.join().await;
}
