//! What opening a ledger makes of locks that are gone.

use super::{Custody, CustodyError, KEYS_FOLDER, OPERATOR_KEY, TLOG_FOLDER, plain};
use crate::config::{Config, look_up};
use events::{Envelope, Event, FindingKind, GatewayStarted};
use ledger::sealer::{LostLock, SealError};
use ledger::{Ledger, Sequence};
use std::fs;
use std::path::Path;

fn config(data: &Path) -> Config {
    let loaded = Config::parse("", Path::new("countersign.toml"), &look_up).unwrap();
    Config { data: data.to_owned(), ..loaded.config }
}

async fn start(ledger: &Ledger, key: String) {
    let fact = GatewayStarted {
        checkpoint_key: Some(key.into()),
        configuration: events::Digest([1; 32]),
        durability: "synced".into(),
        in_doubt: 0,
        lost_lock: false,
        version: "0".into(),
    };
    ledger.record(plain(fact)).await.unwrap();
}

fn events_of(ledger: &Ledger) -> Vec<Event> {
    let records = ledger.reader().read(Sequence::FIRST, 1 << 20).unwrap();
    records.iter().map(|record| Envelope::parse(record).unwrap().event).collect()
}

#[tokio::test]
async fn a_lost_lock_that_was_accepted_is_on_record_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    for whole in [false, true] {
        let (ledger, sealing, closing) =
            Custody::open(&config, LostLock::Refuse).await.unwrap().split();
        let sealing = sealing.unwrap();
        start(&ledger, sealing.key().to_string()).await;
        sealing.seal_now().await.unwrap();
        let before = events_of(&ledger).len();
        drop((ledger, sealing));
        closing.close().await.unwrap();
        fs::remove_dir_all(folder.path().join("lock")).unwrap();
        if whole {
            fs::remove_dir_all(folder.path().join(TLOG_FOLDER)).unwrap();
        }
        let error = Custody::open(&config, LostLock::Refuse).await.map(|_| ()).unwrap_err();
        let expected = if whole {
            matches!(error, CustodyError::SealLost { .. })
        } else {
            matches!(error, CustodyError::Seal(SealError::LockLost { .. }))
        };
        assert!(expected, "{error}");
        let (ledger, sealing, closing) =
            Custody::open(&config, LostLock::Accept).await.unwrap().split();
        let first_new = events_of(&ledger).into_iter().nth(before);
        let Some(Event::FindingRaised(finding)) = first_new else { panic!("{first_new:?}") };
        assert_eq!(finding.kind, FindingKind::LostLock);
        drop((ledger, sealing));
        closing.close().await.unwrap();
    }
}

#[tokio::test]
async fn an_emptied_key_of_the_operator_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(KEYS_FOLDER).join(OPERATOR_KEY);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "\n").unwrap();
    let opened = Custody::open(&config(folder.path()), LostLock::Refuse).await;
    let error = opened.map(|_| ()).unwrap_err();
    assert!(matches!(error, CustodyError::WrongKey { .. }), "{error}");
}
