//! The events of an export, part by part, and the proof of each.

use super::items::Item;
use crate::audit::{Audit, sequence_of};
use crate::finding::{Check, Finding, Findings, Place};
use crate::record::Record;
use crate::trust::Head;
use std::collections::HashMap;
use std::sync::Arc;
use tlog::{Hash, TlogProof, leaf_hash, verify_inclusion};

/// The most bytes of a part: canonical bytes, a newline for each, and one event over the limit.
pub(super) const PART_BYTES_MAX: usize = (8 << 20) + 4096 + (64 << 10);

/// An event that waits for its proof.
struct Unproven {
    leaf: Hash,
    part: u64,
    place: Place,
}

/// Where an event was not the next of the log.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    /// How many events stand before it.
    pub(super) events: u64,
    /// The sequence of the last of them.
    pub(super) last: u64,
    /// The sequence of the next one.
    pub(super) next: u64,
    /// Where that stands.
    pub(super) place: Place,
}

/// Events and proofs as they come up.
#[derive(Default)]
pub(super) struct Parts {
    next_part: u64,
    unproven: HashMap<u64, Unproven>,
    pub(super) proven: u64,
    pub(super) first: Option<u64>,
    pub(super) last: Option<u64>,
    pub(super) events: u64,
    /// Where an event was first not the next of the log.
    pub(super) gap: Option<Gap>,
}

/// The number in a name such as `part-00000`, with at least so many digits.
fn number(digits: &str, least: usize) -> Option<u64> {
    let plain = digits.bytes().all(|next| next.is_ascii_digit());
    let number = if plain { digits.parse().ok() } else { None };
    number.filter(|number| format!("{number:0least$}") == digits)
}

impl Parts {
    /// Takes a file of events, `events/part-<5 digits>.jsonl`.
    pub(super) fn events(
        &mut self,
        item: &Item,
        bytes: &[u8],
        audit: &mut Audit<'_>,
        findings: &mut Findings,
    ) {
        let mut add = |detail: &str, byte: Option<u64>| {
            let place = Place { file: Arc::clone(&item.file), byte };
            findings.add(Finding::new(Check::Sequence, detail).at(place));
        };
        let name = item.path.strip_prefix("events/part-");
        let part = name.and_then(|name| number(name.strip_suffix(".jsonl")?, 5));
        if part != Some(self.next_part) {
            add("the part is not the next one: another is missing, or it is there twice", None);
        }
        let part = part.unwrap_or(self.next_part);
        self.next_part = part.saturating_add(1);
        if bytes.len() > PART_BYTES_MAX {
            return add("the part is too long", None);
        }
        let mut byte = 0_u64;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(event) = line.strip_suffix(b"\n") else {
                return add("the last event does not end with a newline", Some(byte));
            };
            match sequence_of(event) {
                Some(index) if self.last.is_none_or(|last| last < index) => {
                    let record = Record { index, bytes: event, file: &item.file, byte };
                    self.event(&record, part);
                    audit.record(&record);
                }
                Some(index) => {
                    add(&format!("event {index} does not stand in order"), Some(byte));
                }
                None => add("the line is not an event", Some(byte)),
            }
            byte = byte.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        }
    }

    fn event(&mut self, record: &Record<'_>, part: u64) {
        let index = record.index;
        if let Some(last) = self.last.filter(|last| last.saturating_add(1) != index) {
            let (events, next) = (self.events, index);
            self.gap.get_or_insert_with(|| Gap { events, last, next, place: record.place() });
        }
        self.first = self.first.or(Some(index));
        self.last = Some(index);
        self.events += 1;
        let unproven = Unproven { leaf: leaf_hash(record.bytes), part, place: record.place() };
        self.unproven.insert(index, unproven);
    }

    /// Takes a proof, `proofs/<5 digits>/<20 digits>.tlog-proof`. Gives what is wrong with it.
    pub(super) fn proof(&mut self, rest: &str, bytes: &[u8], head: &Head) -> Option<Finding> {
        let wrong = |detail: String| Some(Finding::new(Check::Proofs, detail));
        let named = rest.split_once('/').and_then(|(part, name)| {
            Some((number(part, 5)?, number(name.strip_suffix(".tlog-proof")?, 20)?))
        });
        let Some((part, index)) = named else {
            return wrong("its name is not that of a proof".to_owned());
        };
        let proof = match TlogProof::parse(bytes) {
            Ok(proof) => proof,
            Err(error) => return wrong(error.to_string()).map(|finding| finding.about(index)),
        };
        let detail = if proof.index != index {
            format!("it is the proof of event {}", proof.index)
        } else if proof.checkpoint != head.note {
            "its checkpoint is not that of the export".to_owned()
        } else if proof.extra.is_some() {
            "it has extra data, which nobody signed".to_owned()
        } else {
            return self.prove(part, &proof, head).map(|finding| finding.about(index));
        };
        wrong(detail).map(|finding| finding.about(index))
    }

    fn prove(&mut self, part: u64, proof: &TlogProof, head: &Head) -> Option<Finding> {
        let wrong = |detail: String| Some(Finding::new(Check::Proofs, detail));
        let Some(event) = self.unproven.get(&proof.index).filter(|event| event.part == part) else {
            return wrong("there is no event before it that it proves".to_owned());
        };
        let (size, root) = (head.checkpoint.size, head.checkpoint.root);
        let proven = verify_inclusion(&event.leaf, proof.index, size, &proof.hashes, &root);
        let place = event.place.clone();
        self.unproven.remove(&proof.index);
        match proven {
            Ok(()) => {
                self.proven += 1;
                None
            }
            Err(error) => {
                let detail =
                    format!("the event is not in the tree, or the proof is wrong: {error}");
                wrong(detail).map(|finding| finding.at(place))
            }
        }
    }

    /// Finds events without a proof.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        let mut left: Vec<_> = self.unproven.drain().collect();
        left.sort_unstable_by_key(|(index, _)| *index);
        for (index, event) in left {
            let finding = Finding::new(Check::Proofs, "the event has no proof").about(index);
            findings.add(finding.at(event.place));
        }
    }
}
