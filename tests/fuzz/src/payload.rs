//! What must hold for payloads whose store was written by somebody else: content that is what the
//! event names, or a word on what is wrong, in bounded memory.

use bytes::Bytes;
use events::{Digest, PayloadRef, SessionId};
use ledger::Sequence;
use ledger::log::{Address, ReadError, Reader, Scope};
use ledger::payload::{KekId, KeyEncryption as _, Keys, LocalKek, Salt, load, scope};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::damage::{Source, edit};

const KEK: [u8; 32] = [5; 32];
const SALT: [u8; 32] = [6; 32];

/// How many payloads a store has beside the key record.
const PAYLOADS: u8 = 3;

/// The name of a payload that others build on.
fn address(number: u8) -> Address {
    Address([number; 32])
}

fn session() -> SessionId {
    "ses_00000000000000000000000001".parse().expect("it is a session")
}

/// A store of one session.
struct Store(BTreeMap<Address, Bytes>);

impl Reader for Store {
    fn next(&self) -> Sequence {
        Sequence::new(0)
    }

    fn read(&self, _from: Sequence, _bytes_max: usize) -> Result<Vec<Bytes>, ReadError> {
        Ok(Vec::new())
    }

    fn payload(&self, of: Scope, address: Address) -> Result<Option<Bytes>, ReadError> {
        Ok(self.0.get(&address).filter(|_| of == scope(session())).cloned())
    }
}

/// The record that keeps a session's secret under a key.
fn record() -> Vec<u8> {
    let kek = LocalKek::new(&KEK);
    let KekId(id) = kek.id();
    let context = [b"countersign/key-record/v1\0", scope(session()).0.as_slice(), &id].concat();
    let wrapped = kek.wrap(&[9; 32], &context).expect("it is wrapped");
    [&[2], id.as_slice(), &wrapped].concat()
}

/// The outer form of a whole payload.
fn whole(content: &[u8]) -> Vec<u8> {
    [&[0, 0], content].concat()
}

/// The outer form of a payload that begins and ends as another.
fn delta(base: Address, head: u32, tail: u32, middle: &[u8]) -> Vec<u8> {
    let (head, tail) = (head.to_be_bytes(), tail.to_be_bytes());
    [&[0, 1], base.0.as_slice(), &head, &tail, middle].concat()
}

/// The key record of an encrypted session: made once, as it has chance in it.
static RECORD: LazyLock<Vec<u8>> = LazyLock::new(record);

/// A payload of a store that bytes have edited is what its event names, or it is refused.
///
/// The content is `base, middle`, kept as a delta of a delta.
pub fn payload(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let content = b"base, middle";
    let digest = Salt::new(SALT).commit(content);
    let named = Address(digest.0);
    let encrypted = source.byte() % 4 == 0;
    let mut forms = vec![
        if encrypted { RECORD.clone() } else { SALT.to_vec() },
        delta(address(1), 6, 0, b"middle"),
        delta(address(2), 5, 1, b""),
        whole(b"base,. "),
    ];
    while !source.is_empty() {
        let form = source.below(forms.len());
        edit(&mut forms[form], &mut source);
    }
    let names = [Address::FIRST, named].into_iter().chain((1..PAYLOADS).map(address));
    let store = Store(names.zip(forms.into_iter().map(Bytes::from)).collect());
    let keys = Keys::reading([Arc::new(LocalKek::new(&KEK)) as _]);
    let reference = PayloadRef { bytes: 12, digest, discarded: false };
    if let Ok(Some(found)) = load(&store, &keys, session(), &reference) {
        assert_eq!(found, content);
    }
    if bytes.len() < 2 && !encrypted {
        let found = load(&store, &keys, session(), &reference).expect("nothing was changed");
        assert_eq!(found.as_deref(), Some(content.as_slice()));
    }
}

/// A chain of payloads each of which says to begin and to end with all of the one before.
pub fn doubled(depth: u8) {
    let named = Digest([0xfe; 32]);
    let mut store = BTreeMap::from([(Address::FIRST, Bytes::copy_from_slice(&SALT))]);
    store.insert(address(0xff), whole(&[7; 1024]).into());
    for number in (1..=depth).rev() {
        let length = 1024_u32.checked_shl(u32::from(depth - number)).unwrap_or(u32::MAX);
        let base = if number == depth { address(0xff) } else { address(number + 1) };
        store.insert(address(number), delta(base, length, length, b"").into());
    }
    let named_first = store.get(&address(1)).cloned().expect("there is one");
    store.insert(Address(named.0), named_first);
    let reference = PayloadRef { bytes: 1024, digest: named, discarded: false };
    let loaded = load(&Store(store), &Keys::none(), session(), &reference);
    loaded.map(drop).expect_err("its content is another");
}
