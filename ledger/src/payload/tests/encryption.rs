//! That payloads are encrypted, under the right keys, and that nobody can alter them unseen.

use super::super::{KeyEncryption, Keys, LoadError, LocalKek, SALT_ADDRESS, load, scope};
use super::{SESSION, Unpacked, body, ledger, record, runtime, store};
use crate::backend::file::{FileLog, Options as FileOptions};
use crate::backend::memory::{MemoryLog, MemoryStore};
use crate::log::{Address, Batch, Log as _, Reader, Scope, Sealed};
use crate::{Ledger, Options};
use bytes::Bytes;
use events::{Digest, PayloadRef, SessionId};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ulid::Ulid;

/// Made by `cryptography` 48 for Python of the KEK `00 01 … 1f`, the scope `10 11 … 1f`, the secret
/// 32 × `5e`, and the nonces 12 × `a1` and 12 × `b2`.
const RECORD: &str = "02976c6bdae167b07401a1a1a1a1a1a1a1a1a1a1a1a1e65c3e488bf6074f965984f9beb5884f\
                      88a3d65b42df1fa58fe27bd8feeb516b228567881da2c57f65388b7034f4b4e4";
const ADDRESS: &str = "fac67cc977258dae3ce3da6baeacfa5ff8f757e2284c5276aaa442ef0081d25c";
const SEALED: &str = "02b2b2b2b2b2b2b2b2b2b2b2b29cb7ace41482c08009e84811c0ab83bde0298e6e58a09a629e\
                      ae98ef4faa3f";
const CONTENT: &[u8] = b"hello, ledger";
/// Of the same content with the salt 32 × `07`, as ledgers had it before there was encryption.
const ADDRESS_1: &str = "83ecf8c1b7e1404165356dfe22c07aa2df94e1ae1d3ba1bb0c6ee7f8d05200f9";

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn address(hex: &str) -> Address {
    Address(bytes(hex).try_into().unwrap())
}

fn kek() -> LocalKek {
    LocalKek::new(&std::array::from_fn(|at| u8::try_from(at).unwrap()))
}

fn session() -> SessionId {
    SessionId::new(Ulid::from_bytes(std::array::from_fn(|at| 16 + u8::try_from(at).unwrap())))
}

fn with(keks: &[&LocalKek]) -> Keys {
    Keys::reading(keks.iter().map(|kek| Arc::new((*kek).clone()) as Arc<dyn KeyEncryption>))
}

/// A store that holds exactly these.
fn holding(payloads: &[(Scope, Address, &[u8])]) -> Arc<dyn Reader> {
    let sealed = payloads.iter().map(|&(scope, address, bytes)| {
        let bytes = Bytes::copy_from_slice(bytes);
        Sealed { scope, address, bytes }
    });
    let mut log = MemoryLog::new();
    log.append(&Batch { records: vec![Bytes::from_static(b"{}")], payloads: sealed.collect() })
        .unwrap();
    log.reader()
}

fn read(
    reader: &dyn Reader,
    keys: &Keys,
    session: SessionId,
    at: Address,
) -> Result<Option<Vec<u8>>, LoadError> {
    load(reader, keys, session, &PayloadRef { bytes: 0, digest: Digest(at.0), discarded: false })
}

#[test]
fn what_another_implementation_encrypted_is_read() {
    let (scope, at) = (scope(session()), address(ADDRESS));
    let reader = holding(&[(scope, SALT_ADDRESS, &bytes(RECORD)), (scope, at, &bytes(SEALED))]);
    let content = read(&*reader, &with(&[&kek()]), session(), at).unwrap();
    assert_eq!(content.as_deref(), Some(CONTENT));
}

#[test]
fn payloads_from_before_encryption_are_read_with_and_without_keys() {
    let (scope, at) = (scope(session()), address(ADDRESS_1));
    let sealed = [&[0, 0], CONTENT].concat();
    let reader = holding(&[(scope, SALT_ADDRESS, &[7; 32]), (scope, at, &sealed)]);
    for keys in [Keys::none(), Keys::random().unwrap()] {
        let content = read(&*reader, &keys, session(), at).unwrap();
        assert_eq!(content.as_deref(), Some(CONTENT));
    }
}

#[test]
fn a_session_from_before_encryption_goes_on_without() {
    runtime().block_on(async {
        let kept = MemoryStore::default();
        let before = started(&kept, Keys::none());
        let (first, second) = (b"before".repeat(60), b"after".repeat(60));
        let first_at = store(&before, &first, &[]).await;
        drop(before);
        let after = reopened(&kept, Keys::random().unwrap()).await;
        let second_at = store(&after, &second, &[]).await;
        for (at, content) in [(first_at, first), (second_at, second)] {
            let loaded = load(&**after.reader(), &Keys::none(), SESSION, &at).unwrap();
            assert_eq!(loaded, Some(content));
        }
    });
}

fn options(keys: Keys) -> Options {
    let source = "test/0".into();
    Options { source, queue_max: 8, append_timeout: Duration::from_secs(5), keys }
}

fn started(store: &MemoryStore, keys: Keys) -> Ledger {
    Ledger::start(Box::new(store.open().unwrap()), options(keys)).unwrap().0
}

/// As soon as the writer before has let go.
async fn reopened(store: &MemoryStore, keys: Keys) -> Ledger {
    let log = loop {
        match store.open() {
            Ok(log) => break log,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    Ledger::start(Box::new(log), options(keys)).unwrap().0
}

#[test]
fn no_byte_of_a_key_record_or_a_payload_can_be_altered_unseen() {
    let (scope, at) = (scope(session()), address(ADDRESS));
    let keys = with(&[&kek()]);
    let (record, sealed) = (bytes(RECORD), bytes(SEALED));
    let read = |record: &[u8], sealed: &[u8]| {
        let reader = holding(&[(scope, SALT_ADDRESS, record), (scope, at, sealed)]);
        read(&*reader, &keys, session(), at)
    };
    assert_eq!(read(&record, &sealed).unwrap().as_deref(), Some(CONTENT));
    let refuses = |record: &[u8], sealed: &[u8]| {
        let refused = read(record, sealed);
        assert!(
            matches!(refused, Err(LoadError::Damaged { .. } | LoadError::KeyMissing { .. })),
            "{refused:?}"
        );
    };
    for place in 0..record.len() {
        let mut altered = record.clone();
        altered[place] ^= 1 << (place % 8);
        refuses(&altered, &sealed);
        refuses(&record[..place], &sealed);
    }
    for place in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[place] ^= 1 << (place % 8);
        refuses(&record, &altered);
        refuses(&record, &sealed[..place]);
    }
    // Nor can a payload that is not encrypted stand in for one that is.
    refuses(&record, &[&[0, 0], CONTENT].concat());
}

#[test]
fn a_payload_is_readable_in_its_own_place_alone() {
    let (here, at) = (scope(session()), address(ADDRESS));
    let keys = with(&[&kek()]);
    let (record, sealed) = (bytes(RECORD), bytes(SEALED));
    let there = scope(SESSION);
    let reader = holding(&[
        (there, SALT_ADDRESS, &record),
        (there, at, &sealed),
        (here, SALT_ADDRESS, &record),
        (here, Address([1; 32]), &sealed),
    ]);
    for (session, at) in [(SESSION, at), (session(), Address([1; 32]))] {
        let refused = read(&*reader, &keys, session, at);
        assert!(matches!(refused, Err(LoadError::Damaged { .. })), "{refused:?}");
    }
}

#[test]
fn a_key_that_is_not_here_is_named_with_what_to_do() {
    let (scope, at) = (scope(session()), address(ADDRESS));
    let reader = holding(&[(scope, SALT_ADDRESS, &bytes(RECORD)), (scope, at, &bytes(SEALED))]);
    for keys in [Keys::none(), Keys::random().unwrap()] {
        let error = read(&*reader, &keys, session(), at).unwrap_err();
        let LoadError::KeyMissing { kek: missing, .. } = &error else { panic!("{error}") };
        assert_eq!(*missing, kek().id());
        let text = error.to_string();
        assert!(text.contains("the key `976c6bdae167b074` is not here: name the place"), "{text}");
    }
}

#[test]
fn after_a_rotation_sessions_under_both_keys_are_read_and_go_on() {
    runtime().block_on(async {
        let (old, new) = (Arc::new(LocalKek::random().unwrap()), Arc::new(kek()));
        let kept = MemoryStore::default();
        let first = started(&kept, Keys::new(Arc::<LocalKek>::clone(&old), []));
        let (turns, other) = (vec!["a".repeat(300), "b".repeat(300)], Ulid(8));
        let (content, cuts) = body(&turns[..1], "");
        let before = store(&first, &content, &cuts).await;
        drop(first);

        let keys = Keys::new(new, [old as Arc<dyn KeyEncryption>]);
        let second = reopened(&kept, keys.clone()).await;
        let (longer, cuts) = body(&turns, "");
        let after = store(&second, &longer, &cuts).await;
        let elsewhere = SessionId::new(other);
        let fresh =
            Unpacked { session: elsewhere, is_first: true, bytes: b"new", cuts: &[], kept: true };
        let fresh = record(&second, fresh).await;
        let load = |keys: &Keys, session, at| load(&**second.reader(), keys, session, at);
        assert_eq!(load(&keys, SESSION, &before).unwrap(), Some(content));
        assert_eq!(load(&keys, SESSION, &after).unwrap(), Some(longer));
        assert_eq!(load(&with(&[&kek()]), elsewhere, &fresh).unwrap(), Some(b"new".to_vec()));
        let alone = load(&with(&[&kek()]), SESSION, &after);
        assert!(matches!(alone, Err(LoadError::KeyMissing { .. })), "{alone:?}");
    });
}

#[test]
fn all_first_payloads_of_a_session_bring_one_and_the_same_key_record() {
    runtime().block_on(async {
        let (ledger, _task) = ledger();
        let pack = |bytes| {
            let content =
                Unpacked { session: SESSION, is_first: true, bytes, cuts: &[], kept: true };
            ledger.pack(content).unwrap().sealed[0].clone()
        };
        let (first, second) = (pack(b"one"), pack(b"two"));
        assert_eq!((first.address, &first), (SALT_ADDRESS, &second));
    });
}

#[test]
fn no_file_of_the_ledger_holds_what_was_said() {
    const MARKER: &[u8] = b"Zq7#vPx2!kWm";
    let is_found = |keys: Keys| {
        let folder = tempfile::tempdir().unwrap();
        let (log, _) = FileLog::open(folder.path(), &FileOptions::default()).unwrap();
        runtime().block_on(async {
            let (ledger, task) = Ledger::start(Box::new(log), options(keys)).unwrap();
            // Some alone, and some as what is new in a conversation.
            let mut said = String::from_utf8(MARKER.to_vec()).unwrap();
            let reference = store(&ledger, said.as_bytes(), &[]).await;
            for _ in 0..4 {
                said.extend(["-".repeat(300).as_str(), std::str::from_utf8(MARKER).unwrap()]);
                store(&ledger, said.as_bytes(), &[said.len()]).await;
            }
            let loaded = load(&**ledger.reader(), ledger.keys(), SESSION, &reference).unwrap();
            assert_eq!(loaded.as_deref(), Some(MARKER));
            drop(ledger);
            task.join().await.unwrap();
        });
        holds(folder.path(), MARKER)
    };
    assert!(is_found(Keys::none()), "this test would find it");
    assert!(!is_found(Keys::random().unwrap()));
}

fn holds(folder: &Path, marker: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, marker);
        }
        std::fs::read(&path).unwrap().windows(marker.len()).any(|window| window == marker)
    })
}
