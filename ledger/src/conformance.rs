//! The suite for any [`Log`]: one function per clause of its contract. It tests; it serves nobody.
//!
//! A backend implements [`Bench`] and calls [`crate::log_conformance`] in its tests.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a suite fails by panicking; it is compiled for tests alone"
)]

use crate::Sequence;
use crate::log::{
    Address, AppendError, BATCH_RECORDS_MAX, Batch, ERASE_SCOPES_MAX, Erased, Log,
    RECORD_BYTES_MAX, Reader, Scope, Sealed,
};
use bytes::Bytes;

/// One log under test, which can be closed and opened again.
pub trait Bench {
    /// Opens the log for writing; the reason when that fails.
    fn open(&mut self) -> Result<Box<dyn Log>, String>;

    /// Opens the log so that its next append cannot be made durable and nobody knows the outcome.
    fn open_failing(&mut self) -> Result<Box<dyn Log>, String>;

    /// Ends `log` as a crash does: everything that was not made durable is lost.
    fn crash(&mut self, log: Box<dyn Log>);
}

/// Calls every clause as a test of its own, each on a fresh bench.
///
/// `log_conformance!(module, expression)`: the expression makes the [`Bench`].
#[macro_export]
macro_rules! log_conformance {
    ($module:ident, $bench:expr) => {
        $crate::log_conformance!($module, $bench,
            positions_are_contiguous
            acknowledged_means_readable
            a_batch_is_whole_or_absent
            acknowledged_survives_reopening
            oversized_is_refused_whole
            a_payload_is_kept_once
            readers_see_only_what_is_committed
            one_writer_at_a_time
            an_unknown_outcome_poisons
            erased_is_gone
        );
    };
    ($module:ident, $bench:expr, $($clause:ident)+) => {
        mod $module {
            $(
                #[test]
                fn $clause() {
                    $crate::conformance::$clause(&mut $bench);
                }
            )+
        }
    };
}

/// A record like an event, different for each number.
pub fn record(number: u64) -> Bytes {
    let text = format!(
        "{{\"data\":{{\"call\":\"call_{number:026}\"}},\"sequence\":\"{number:020}\",\
         \"specversion\":\"1.0\",\"type\":\"call.dispatched\"}}"
    );
    Bytes::from(text)
}

/// A payload with `bytes` bytes of no pattern, different for each number.
pub fn payload(number: u64, bytes: usize) -> Sealed {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3] | 1
    };
    let content: Vec<u8> = (0..bytes).map(|_| noise()).collect();
    let address = std::array::from_fn(|_| noise());
    Sealed { scope: Scope([7; 16]), address: Address(address), bytes: content.into() }
}

/// A batch of `count` records from `first` on, each with a payload if `with_payloads`.
pub fn batch(first: u64, count: u64, with_payloads: bool) -> Batch {
    let numbers = first..first + count;
    let payloads = numbers.clone().filter(|_| with_payloads).map(|number| payload(number, 300));
    Batch { records: numbers.map(record).collect(), payloads: payloads.collect() }
}

/// Asserts that the log is exactly the records of these batches and has all their payloads.
pub fn assert_holds(reader: &dyn Reader, batches: &[Batch]) {
    let expected: Vec<Bytes> = batches.iter().flat_map(|batch| batch.records.clone()).collect();
    assert_eq!(reader.next(), Sequence::new(expected.len() as u64), "where the log ends");
    let mut found = Vec::new();
    while found.len() < expected.len() {
        let from = Sequence::new(found.len() as u64);
        let some = reader.read(from, 1000).unwrap();
        assert!(!some.is_empty(), "no record at {from}");
        found.extend(some);
    }
    assert_eq!(found, expected);
    for payload in batches.iter().flat_map(|batch| &batch.payloads) {
        let kept = reader.payload(payload.scope, payload.address).unwrap();
        assert_eq!(kept.as_ref(), Some(&payload.bytes));
    }
}

/// Clause 1.
pub fn positions_are_contiguous(bench: &mut dyn Bench) {
    let mut log = bench.open().unwrap();
    let mut next = 0;
    for count in [1, 3, 1, 20] {
        assert_eq!(log.next(), Sequence::new(next));
        log.append(&batch(next, count, false)).unwrap();
        next += count;
    }
    log.append(&Batch::default()).unwrap();
    assert_eq!(log.next(), Sequence::new(next));
    let reader = log.reader();
    for number in 0..next {
        let one = reader.read(Sequence::new(number), 1).unwrap();
        assert_eq!(one, [record(number)]);
    }
    assert!(reader.read(Sequence::new(next), 1).unwrap().is_empty());
    assert!(reader.read(Sequence::new(u64::MAX), 1).unwrap().is_empty());
}

/// Clause 2.
pub fn acknowledged_means_readable(bench: &mut dyn Bench) {
    let mut log = bench.open().unwrap();
    let reader = log.reader();
    let mut batches = Vec::new();
    for (first, count) in [(0, 1), (1, 40), (41, 2)] {
        batches.push(batch(first, count, true));
        log.append(batches.last().unwrap()).unwrap();
        assert_holds(&*reader, &batches);
    }
    let large = Bytes::from(vec![b'x'; RECORD_BYTES_MAX]);
    let odd = Bytes::from(payload(5, RECORD_BYTES_MAX).bytes.to_vec());
    let empty = Sealed { bytes: Bytes::new(), ..payload(1000, 0) };
    let payloads = vec![empty, payload(1001, 100_000)];
    batches.push(Batch { records: vec![large, odd, Bytes::from_static(&[0])], payloads });
    log.append(batches.last().unwrap()).unwrap();
    assert_holds(&*reader, &batches);
    bench.crash(log);
    assert_holds(&*bench.open().unwrap().reader(), &batches);
}

/// Clause 3.
pub fn a_batch_is_whole_or_absent(bench: &mut dyn Bench) {
    let mut log = bench.open().unwrap();
    let first = batch(0, 3, true);
    log.append(&first).unwrap();
    drop(log);
    let mut log = bench.open_failing().unwrap();
    let second = batch(3, 30, true);
    assert!(matches!(log.append(&second), Err(AppendError::Unknown { .. })));
    bench.crash(log);
    let log = bench.open().unwrap();
    let mut batches = vec![first];
    if log.next() != Sequence::new(3) {
        batches.push(second);
    }
    assert_holds(&*log.reader(), &batches);
}

/// Clause 4.
pub fn acknowledged_survives_reopening(bench: &mut dyn Bench) {
    let mut batches: Vec<Batch> = Vec::new();
    let mut next = 0;
    for round in 0..6 {
        let mut log = bench.open().unwrap();
        assert_holds(&*log.reader(), &batches);
        for count in 1..=3 {
            batches.push(batch(next, count, count == 2));
            log.append(batches.last().unwrap()).unwrap();
            next += count;
        }
        if round % 2 == 0 { drop(log) } else { bench.crash(log) }
    }
    assert_holds(&*bench.open().unwrap().reader(), &batches);
}

/// Clause 5.
pub fn oversized_is_refused_whole(bench: &mut dyn Bench) {
    let mut log = bench.open().unwrap();
    let first = batch(0, 2, true);
    log.append(&first).unwrap();
    let with = |odd: Bytes| Batch { records: vec![record(2), odd], payloads: vec![payload(9, 9)] };
    let many = BATCH_RECORDS_MAX as u64 + 1;
    let nameless = Batch { records: Vec::new(), payloads: vec![payload(9, 9)] };
    let large = Bytes::from(vec![b'x'; RECORD_BYTES_MAX + 1]);
    for refused in [with(large), with(Bytes::new()), batch(2, many, false), nameless] {
        assert!(matches!(log.append(&refused), Err(AppendError::Refused { .. })));
        assert_holds(&*log.reader(), std::slice::from_ref(&first));
    }
    let absent = payload(9, 9);
    assert_eq!(log.reader().payload(absent.scope, absent.address).unwrap(), None);
    let full = batch(2, many - 1, false);
    log.append(&full).unwrap();
    assert_holds(&*log.reader(), &[first, full]);
}

/// Clause 6.
pub fn a_payload_is_kept_once(bench: &mut dyn Bench) {
    let mut log = bench.open().unwrap();
    let mut first = batch(0, 1, true);
    let again = first.payloads[0].clone();
    first.payloads.push(again.clone());
    log.append(&first).unwrap();
    let second = Batch { records: vec![record(1)], payloads: vec![again.clone()] };
    log.append(&second).unwrap();
    bench.crash(log);
    let mut log = bench.open().unwrap();
    let third = Batch { records: vec![record(2)], payloads: vec![again.clone()] };
    log.append(&third).unwrap();
    assert_holds(&*log.reader(), &[first, second, third]);
    let elsewhere = log.reader().payload(Scope([8; 16]), again.address).unwrap();
    assert_eq!(elsewhere, None, "another scope has the payload too");
}

/// Clause 7.
pub fn readers_see_only_what_is_committed(bench: &mut dyn Bench) {
    let mut log = bench.open().unwrap();
    let first = batch(0, 2, true);
    log.append(&first).unwrap();
    drop(log);
    let mut log = bench.open_failing().unwrap();
    let reader = log.reader();
    let failed = batch(2, 3, true);
    assert!(log.append(&failed).is_err());
    assert_holds(&*reader, std::slice::from_ref(&first));
    assert!(reader.read(Sequence::new(2), 1000).unwrap().is_empty());
    let hidden = &failed.payloads[0];
    assert_eq!(reader.payload(hidden.scope, hidden.address).unwrap(), None);
}

/// Clause 8.
pub fn one_writer_at_a_time(bench: &mut dyn Bench) {
    let mut log = bench.open().unwrap();
    assert!(bench.open().is_err(), "a second writer was let in");
    log.append(&batch(0, 1, false)).unwrap();
    drop(log);
    assert_eq!(bench.open().unwrap().next(), Sequence::new(1));
}

/// Clause 9.
pub fn an_unknown_outcome_poisons(bench: &mut dyn Bench) {
    let mut log = bench.open_failing().unwrap();
    assert!(matches!(log.append(&batch(0, 1, true)), Err(AppendError::Unknown { .. })));
    for _ in 0..3 {
        assert!(matches!(log.append(&batch(0, 1, false)), Err(AppendError::Poisoned { .. })));
    }
    bench.crash(log);
    let mut log = bench.open().unwrap();
    let next = log.next().number();
    assert!(next <= 1);
    log.append(&batch(next, 1, false)).unwrap();
}

/// Some records, each with a payload in every one of these scopes.
fn batch_in(scopes: &[Scope], first: u64) -> Batch {
    let mut made = batch(first, 4, true);
    let payloads = made.payloads.iter().flat_map(|payload| {
        scopes.iter().map(move |scope| Sealed { scope: *scope, ..payload.clone() })
    });
    let keys = scopes.iter().map(|scope| Sealed {
        scope: *scope,
        address: Address::FIRST,
        bytes: Bytes::from_static(b"a key"),
    });
    made.payloads = payloads.chain(keys).collect();
    made
}

/// Clause 10.
pub fn erased_is_gone(bench: &mut dyn Bench) {
    let [gone, kept] = [Scope([1; 16]), Scope([2; 16])];
    let mut log = bench.open().unwrap();
    let early = log.reader();
    assert_eq!(log.erase(&[gone]).unwrap(), Erased::default());
    let batches: Vec<Batch> = (0..6).map(|index| batch_in(&[gone, kept], index * 4)).collect();
    for batch in &batches {
        log.append(batch).unwrap();
    }
    let many = vec![gone; ERASE_SCOPES_MAX + 1];
    assert!(matches!(log.erase(&many), Err(AppendError::Refused { .. })));
    assert_holds(&*early, &batches);
    assert!(log.erase(&[gone, Scope([3; 16])]).unwrap().payloads > 24);
    assert_eq!(log.erase(&[gone]).unwrap(), Erased::default());
    let mut left = batches;
    for batch in &mut left {
        batch.payloads.retain(|payload| payload.scope == kept);
    }
    let erased = batch_in(&[gone], 0).payloads;
    let assert_gone = |reader: &dyn Reader, left: &[Batch]| {
        assert_holds(reader, left);
        for payload in &erased {
            assert_eq!(reader.payload(payload.scope, payload.address).unwrap(), None);
        }
    };
    assert_gone(&*early, &left);
    bench.crash(log);
    let mut log = bench.open().unwrap();
    assert_gone(&*log.reader(), &left);
    let again = batch_in(&[gone], 24);
    log.append(&again).unwrap();
    left.push(again);
    assert_holds(&*log.reader(), &left);
    drop(log);
    assert_holds(&*bench.open().unwrap().reader(), &left);
}
