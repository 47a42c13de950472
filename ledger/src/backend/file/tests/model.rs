//! Random histories: the file log is always what the memory log is.

use super::super::simulated::{Crash, SimulatedDisk};
use super::open;
use crate::Sequence;
use crate::backend::memory::MemoryStore;
use crate::log::{Address, Batch, Log, Reader, Scope, Sealed};
use bytes::Bytes;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append(Batch),
    Erase(Vec<Scope>),
    Reopen,
    Crash(u64),
    Read(u64, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = |most| proptest::collection::vec(any::<u8>(), 0..most).prop_map(Bytes::from);
    let text = "[a-d{}:\",]{1,900}".prop_map(Bytes::from);
    let payload = (0..3_u8, 0..40_u8, bytes(1500)).prop_map(|(scope, address, bytes)| Sealed {
        scope: Scope([scope; 16]),
        address: Address([address; 32]),
        bytes,
    });
    let records = proptest::collection::vec(prop_oneof![3 => text, 1 => bytes(300)], 0..6);
    let payloads = proptest::collection::vec(payload, 0..4);
    let append = (records, payloads).prop_map(|(records, payloads)| Batch { records, payloads });
    let step = prop_oneof![
        12 => append.prop_map(Step::Append),
        1 => proptest::collection::vec((0..4_u8).prop_map(|it| Scope([it; 16])), 0..3)
            .prop_map(Step::Erase),
        1 => Just(Step::Reopen),
        1 => any::<u64>().prop_map(Step::Crash),
        4 => (0..60_u64, 0..3000_usize).prop_map(|(from, most)| Step::Read(from, most)),
    ];
    proptest::collection::vec(step, 1..50)
}

/// The file log keeps the first of several payloads of one name only within a segment, so a
/// history has the same bytes for a name whenever it comes.
fn settled(mut batch: Batch) -> Batch {
    for payload in &mut batch.payloads {
        let seed = u64::from(payload.address.0[0]) * 3 + u64::from(payload.scope.0[0]);
        let bytes = crate::conformance::payload(seed, usize::try_from(seed).unwrap() * 17).bytes;
        payload.bytes = bytes;
    }
    batch
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn the_file_log_is_what_the_memory_log_is(steps in steps()) {
        let mut disk = SimulatedDisk::default();
        let store = MemoryStore::default();
        let mut model = store.open().unwrap();
        let (mut log, _) = open(&disk).unwrap();
        for step in steps {
            match step {
                Step::Append(batch) => {
                    let batch = settled(batch);
                    let expected = model.append(&batch).is_ok();
                    prop_assert_eq!(log.append(&batch).is_ok(), expected);
                }
                Step::Erase(scopes) => {
                    let expected = model.erase(&scopes).unwrap();
                    let erased = log.erase(&scopes).unwrap();
                    // A payload that came again in a later segment counts for each copy.
                    prop_assert!(erased.payloads >= expected.payloads);
                    prop_assert_eq!(erased.payloads == 0, expected.payloads == 0);
                }
                Step::Reopen => {
                    drop(log);
                    log = open(&disk).unwrap().0;
                }
                Step::Crash(seed) => {
                    disk = disk.crash(Crash::Some(seed));
                    drop(log);
                    log = open(&disk).unwrap().0;
                }
                Step::Read(from, most) => {
                    let from = Sequence::new(from);
                    let found = log.reader().read(from, most).unwrap();
                    prop_assert_eq!(found, store.read(from, most).unwrap());
                }
            }
            prop_assert_eq!(log.next(), model.next());
        }
        let places = (0..3).flat_map(|scope| (0..40).map(move |address| (scope, address)));
        for (scope, address) in places {
            let (scope, address) = (Scope([scope; 16]), Address([address; 32]));
            let found = log.reader().payload(scope, address).unwrap();
            prop_assert_eq!(found, store.payload(scope, address).unwrap());
        }
    }
}
