//! Evidence that brings its records and payloads from elsewhere, as a ledger's own store does.

use crate::made::{Made, Tree, event_id, fact, only, trust};
use events::{Event, PayloadRef, SessionId};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use tlog::{TileId, TileSource as _};
use verify::{
    Check, Evidence, Fetched, NamedFile, Outcome, PayloadState, Place, Report, Silent, Sink,
    SourceError, Stretch, verify,
};

/// A ledger in memory, whose records lie in files that are no bundles.
struct Ledger {
    events: Vec<Vec<u8>>,
    tree: Tree,
    /// What has become of the payload of the event at a sequence; of all others it is there.
    states: BTreeMap<u64, PayloadState>,
}

impl Evidence for Ledger {
    fn checkpoint(&self) -> Result<Fetched, SourceError> {
        Ok(Fetched::Bytes(self.tree.note().to_string().into_bytes()))
    }

    fn trust(&self) -> Result<Option<NamedFile>, SourceError> {
        Ok(None)
    }

    fn tile(&self, id: TileId) -> Result<Fetched, SourceError> {
        Ok(self.tree.tile(id).map_or(Fetched::Missing, Fetched::Bytes))
    }

    fn file(&self, path: &str) -> Arc<str> {
        path.into()
    }

    fn records(&self, size: u64, sink: Sink<'_>) -> Result<(), SourceError> {
        assert_eq!(size, u64::try_from(self.events.len()).unwrap());
        let mut first = 0;
        // Records of a segment end anywhere between two tiles.
        for events in self.events.chunks(100) {
            let count = u64::try_from(events.len()).unwrap();
            let mut stretch = Stretch::new(first, count, format!("segment-{first}").into());
            for (byte, event) in (64..).zip(events) {
                stretch.push(event, byte);
            }
            first += count;
            if sink(stretch) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn payload(&self, at: u64, _session: SessionId, _payload: &PayloadRef) -> PayloadState {
        self.states.get(&at).cloned().unwrap_or(PayloadState::Present)
    }
}

fn report(made: &Made, states: &[(u64, PayloadState)]) -> Report {
    let (events, tree) = (made.events.clone(), made.tree());
    let ledger = Ledger { events, tree, states: states.iter().cloned().collect() };
    verify(&ledger, &trust(), &mut Silent).unwrap()
}

fn called() -> Made {
    let mut made = Made::default();
    made.plain(fact("gateway.started"));
    for number in 0..150 {
        made.dispatch(1, number);
        made.complete(1, number);
    }
    made
}

#[test]
fn payloads_that_are_there_are_verified() {
    let report = report(&called(), &[]);
    assert!(report.is_verified(), "{report}");
    let Outcome::Ok(payloads) = report.outcome(Check::Payloads) else { panic!("{report}") };
    assert!(payloads.starts_with("300 as committed to"), "{payloads}");
}

#[test]
fn a_payload_that_is_absent_or_damaged_or_without_key_is_found() {
    let damaged = PayloadState::Damaged("its digest differs".to_owned());
    for state in [PayloadState::Absent, PayloadState::Undecryptable, damaged] {
        let report = report(&called(), &[(5, state)]);
        let finding = only(&report);
        assert_eq!((finding.check, finding.sequence), (Check::Payloads, Some(5)), "{report}");
        let place = finding.place.as_ref().unwrap();
        assert_eq!((&*place.file, place.byte), ("segment-0", Some(69)), "{report}");
    }
}

#[test]
fn a_payload_may_be_absent_if_it_was_erased_later_or_discarded() {
    let mut made = Made::default();
    made.plain(fact("gateway.started"));
    made.dispatch(1, 1);
    made.complete(1, 1);
    let asked = made.request_erasure(1);
    made.erase(1, Some(event_id(asked)));
    let gone = [(1, PayloadState::Absent), (2, PayloadState::Undecryptable)];
    let erased = report(&made, &gone);
    assert!(erased.is_verified(), "{erased}");

    // What was recorded after the erasure is not covered by it.
    let late = made.dispatch(1, 2);
    let uncovered = report(&made, &[&gone[..], &[(late, PayloadState::Absent)]].concat());
    assert_eq!(only(&uncovered).sequence, Some(late), "{uncovered}");

    let mut made = Made::default();
    let Event::MessageRelayed(mut relayed) = fact("message.relayed") else { panic!() };
    relayed.payload.discarded = true;
    made.add(relayed.into(), Some(crate::made::session(1)), None, None);
    assert!(report(&made, &[(0, PayloadState::Absent)]).is_verified());
}

#[test]
fn a_payload_that_is_still_there_after_its_erasure_is_found() {
    let mut made = Made::default();
    made.plain(fact("gateway.started"));
    made.dispatch(1, 1);
    made.complete(1, 1);
    let asked = made.request_erasure(1);
    let at = made.erase(1, Some(event_id(asked)));
    let report = report(&made, &[(1, PayloadState::Absent)]);
    assert_eq!((only(&report).check, only(&report).sequence), (Check::Erasures, Some(at)));
}

#[test]
fn an_erasure_that_was_asked_for_and_is_not_reported_accounts_for_its_sessions_and_is_noted() {
    let mut made = Made::default();
    made.plain(fact("gateway.started"));
    for session in [1, 2] {
        made.dispatch(session, session);
        made.complete(session, session);
    }
    made.request_erasure(1);
    let gone = [(1, PayloadState::Absent), (2, PayloadState::ErasedSince)];
    let open = report(&made, &gone);
    assert!(open.is_verified(), "{open}");
    assert!(open.to_string().contains("not recorded as done"), "{open}");
    let other = report(&made, &[(1, PayloadState::Absent), (3, PayloadState::Absent)]);
    assert_eq!(only(&other).sequence, Some(3), "{other}");
}

#[test]
fn damage_that_has_a_place_of_its_own_is_named_there() {
    let place = Place::at(&"payloads-7".into(), 99);
    let report = report(&called(), &[(5, PayloadState::DamagedAt(place.clone(), "torn".into()))]);
    assert_eq!(only(&report).place, Some(place), "{report}");
}
