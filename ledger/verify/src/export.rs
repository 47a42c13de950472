//! The verification of an exported export, file after file as they come; the format is version 1.
//!
//! Needs the checkpoint first, and each salt before its payloads; everything else in any order.

mod items;

mod archive;

mod directory;

mod manifest;

mod payloads;

mod parts;

pub(crate) use archive::Archive;
pub(crate) use directory::Directory;
pub(crate) use items::{Broken, Items};

use crate::audit::{Audit, Part, PayloadState};
use crate::evidence::{NamedFile, Progress, SourceError};
use crate::finding::{Check, Finding, Findings, Place};
use crate::report::Report;
use crate::trust::{Head, Trust};
use crate::verify::tell_audit;
use items::Item;
use manifest::{MANIFEST_BYTES_MAX, Manifest, Seen, Whole};
use parts::{PART_BYTES_MAX, Parts};
use payloads::Payloads;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use tlog::{NOTE_BYTES_MAX, POLICY_BYTES_MAX, PROOF_BYTES_MAX};

/// How many files there may be beside proofs and payloads.
const FILES_MAX: usize = 100_000;

/// An export as far as its files have come.
struct Export<'a> {
    audit: Audit<'a>,
    payloads: &'a RefCell<Payloads>,
    parts: Parts,
    head: Option<Head>,
    policy: Option<NamedFile>,
    manifest: Option<(Arc<str>, Manifest)>,
    files: BTreeMap<String, Seen>,
    report: Report,
}

/// Verifies an export.
pub(crate) fn verify_export(
    items: &mut dyn Items,
    subject: &str,
    trust: &Trust,
    progress: &mut dyn Progress,
) -> Result<Report, SourceError> {
    let payloads = RefCell::new(Payloads::default());
    let mut named = |at, session, payload: &_| {
        payloads.borrow_mut().named(at, session, payload);
        PayloadState::Unread
    };
    let mut export = Export {
        audit: Audit::new(&mut named).remembering_erasures(),
        payloads: &payloads,
        parts: Parts::default(),
        head: None,
        policy: None,
        manifest: None,
        files: BTreeMap::new(),
        report: Report::new(subject),
    };
    progress.begin(None);
    match export.read(items, progress) {
        Ok(()) => {}
        Err(Broken::Source(error)) => return Err(error),
        Err(Broken::Bad { file, byte, what }) => {
            let place = Place { file, byte };
            export.report.findings.add(Finding::new(Check::Files, what).at(place));
        }
    }
    let (report, rest) = export.finish(trust);
    Ok(rest.finish(report, payloads.into_inner()))
}

impl Export<'_> {
    fn read(&mut self, items: &mut dyn Items, progress: &mut dyn Progress) -> Result<(), Broken> {
        while let Some(item) = items.next()? {
            let before = self.parts.events;
            if let Some(finding) = self.item(&item, items)? {
                let place = finding.place.clone().unwrap_or_else(|| Place::of(&item.file));
                self.report.findings.add(finding.at(place));
            }
            progress.advance(self.parts.events.saturating_sub(before), item.bytes);
            if self.files.len() > FILES_MAX {
                let what = "there are too many files".to_owned();
                return Err(Broken::Bad { file: item.file, byte: None, what });
            }
        }
        Ok(())
    }

    /// Takes the next file. Gives what is wrong with it.
    fn item(&mut self, item: &Item, items: &mut dyn Items) -> Result<Option<Finding>, Broken> {
        if let Some(rest) = item.path.strip_prefix("proofs/") {
            let bytes = content(item, items, PROOF_BYTES_MAX)?;
            let Some(head) = &self.head else { return Ok(Some(no_head())) };
            return Ok(self.parts.proof(rest, &bytes, head));
        }
        if let Some(rest) = item.path.strip_prefix("payloads/") {
            let wrong = self.payloads.borrow_mut().file(item, rest, items)?;
            return Ok(wrong.map(|detail| Finding::new(Check::Payloads, detail)));
        }
        if item.path == "manifest.json" {
            return self.manifest(item, items);
        }
        let mut sha = Sha256::new();
        if let Some(most) = most_bytes(&item.path) {
            let bytes = content(item, items, most)?;
            sha.update(&bytes);
            self.known(item, bytes);
        } else {
            each(items, &mut |bytes| sha.update(bytes))?;
        }
        let file = Arc::clone(&item.file);
        let seen = Seen { file, bytes: item.bytes, sha256: sha.finalize().into() };
        let twice = self.files.insert(item.path.clone(), seen).is_some();
        Ok(twice.then(|| Finding::new(Check::Files, "the file is there twice")))
    }

    fn manifest(&mut self, item: &Item, items: &mut dyn Items) -> Result<Option<Finding>, Broken> {
        let bytes = content(item, items, MANIFEST_BYTES_MAX)?;
        if self.manifest.is_some() {
            return Ok(Some(Finding::new(Check::Files, "the file is there twice")));
        }
        match Manifest::read(&bytes) {
            Ok(manifest) => {
                self.manifest = Some((Arc::clone(&item.file), manifest));
                Ok(None)
            }
            Err(detail) => Ok(Some(Finding::new(Check::Files, detail))),
        }
    }

    /// Takes a file whose content means something here.
    fn known(&mut self, item: &Item, bytes: Vec<u8>) {
        match item.path.as_str() {
            "checkpoint" if self.head.is_none() => {
                self.head = Head::read(&item.file, &bytes, &mut self.report);
            }
            "checkpoint" => {}
            "keys/policy" => self.policy = Some((Arc::clone(&item.file), bytes)),
            _ => {
                let findings = &mut self.report.findings;
                self.parts.events(item, &bytes, &mut self.audit, findings);
            }
        }
    }

    fn finish(mut self, trust: &Trust) -> (Report, Rest) {
        let report = &mut self.report;
        if let Some(head) = &mut self.head {
            head.judge(trust, self.policy, report);
            compare_known(head, report);
        } else if report.findings.of(Check::Checkpoint) == 0 {
            report.findings.add(no_head());
        }
        self.parts.finish(&mut report.findings);
        let contiguous = self.manifest.as_ref().map(|(_, manifest)| manifest.contiguous);
        let size = self.head.as_ref().map(|head| head.checkpoint.size);
        let part = Part {
            // Of a selection all events of each call are there, wherever it begins.
            has_beginning: contiguous == Some(false)
                || self.parts.first.is_none_or(|first| first == 0),
            has_end: size == self.parts.last.map(|last| last.saturating_add(1)),
        };
        let audited = self.audit.finish(part);
        let (erased, custody_last) = (audited.erased.clone(), audited.custody_last);
        tell_audit(report, audited);
        let rest = Rest {
            parts: self.parts,
            head: self.head,
            manifest: self.manifest,
            files: self.files,
            erased,
            custody_last,
        };
        (self.report, rest)
    }
}

/// What is compared when events and signatures are done.
struct Rest {
    parts: Parts,
    head: Option<Head>,
    manifest: Option<(Arc<str>, Manifest)>,
    files: BTreeMap<String, Seen>,
    erased: std::collections::HashMap<events::SessionId, u64>,
    custody_last: u64,
}

impl Rest {
    fn finish(self, mut report: Report, payloads: Payloads) -> Report {
        let Some((file, manifest)) = &self.manifest else {
            let detail = "there is no manifest that can be read: the export may not be whole";
            report.findings.add(Finding::new(Check::Files, detail));
            return report.finish();
        };
        let checkpoint = self.head.as_ref().map(|head| &head.checkpoint);
        let whole = Whole {
            origin: checkpoint.map(|checkpoint| checkpoint.origin.as_str()).unwrap_or_default(),
            size: checkpoint.map(|checkpoint| checkpoint.size).unwrap_or_default(),
            first: self.parts.first,
            last: self.parts.last,
            events: self.parts.events,
            files: &self.files,
        };
        manifest.compare(&whole, file, &mut report.findings);
        self.sequence(manifest, file, &mut report);
        let said = &manifest.payloads;
        let counts = payloads.finish(said, &self.erased, &mut report.findings);
        if counts.absent > 0 && said.included {
            let (absent, keyless) = (counts.absent, said.undecryptable);
            report.say(&format!(
                "{absent} payloads are absent; the manifest says that {keyless} cannot be decrypted"
            ));
        }
        if said.included {
            report.pass(
                Check::Payloads,
                format!(
                    "{} as committed to, {} erased, {} discarded",
                    counts.present, counts.erased, counts.discarded
                ),
            );
        } else {
            report.skip(Check::Payloads, "the manifest says that payloads were not exported");
        }
        report
            .pass(Check::Proofs, format!("{} events proven to be in the tree", self.parts.proven));
        report.pass(
            Check::Files,
            format!("{} files as in the manifest, which nobody signed", self.files.len()),
        );
        report.skip(Check::Records, "an export has proofs instead of all records");
        report.skip(Check::Tiles, "an export has proofs instead of tiles");
        report.say(&format!(
            "the manifest says: exported by `{}` at {}; criterion: {}",
            manifest.by, manifest.made, manifest.criterion
        ));
        report.say("only the .jsonl files are proven; all other forms are as in the manifest");
        report.finish()
    }

    fn sequence(&self, manifest: &Manifest, file: &Arc<str>, report: &mut Report) {
        let events = self.parts.events;
        if !manifest.contiguous {
            report.pass(Check::Sequence, format!("{events} events in order, selected from more"));
            return;
        }
        let behind = manifest.behind.min(self.custody_last);
        if behind < manifest.behind {
            let detail = format!(
                "it says that {} events stand behind the range, and only the last {behind} of them \
                 tell what became of payloads",
                manifest.behind
            );
            report.findings.add(Finding::new(Check::Sequence, detail).at(Place::of(file)));
        }
        let range = events.saturating_sub(behind);
        report.pass(Check::Sequence, format!("{range} events without a gap, {behind} behind them"));
        if let Some(gap) = self.parts.gap.as_ref().filter(|gap| gap.events < range) {
            let detail =
                format!("no event between {} and {}: a range has no gap", gap.last, gap.next);
            let finding = Finding::new(Check::Sequence, detail).about(gap.next);
            report.findings.add(finding.at(gap.place.clone()));
        }
    }
}

fn no_head() -> Finding {
    Finding::new(Check::Checkpoint, "there is no checkpoint before it")
}

/// Compares sizes; an export has no proof that the log goes on from an earlier checkpoint.
fn compare_known(head: &Head, report: &mut Report) {
    let mut findings = Findings::default();
    let size = head.checkpoint.size;
    let same = head.known.iter().filter(|(_, known)| known.size == size);
    for (file, known) in same {
        if known.root != head.checkpoint.root {
            let detail = format!("the log signed two different trees of {size} events");
            findings.add(Finding::new(Check::Known, detail).at(Place::of(file)));
        }
    }
    report.findings.absorb(findings);
    if head.known.iter().any(|(_, known)| known.size != size) {
        report.skip(Check::Known, "an export cannot tell; verify the log itself");
    } else if !head.known.is_empty() {
        report.pass(Check::Known, "the same tree".to_owned());
    }
}

/// The limit of files whose content means something here; `None` for all others.
fn most_bytes(path: &str) -> Option<usize> {
    match path {
        "checkpoint" => Some(NOTE_BYTES_MAX),
        "keys/policy" => Some(POLICY_BYTES_MAX),
        _ if path.starts_with("events/") && path.rsplit('.').next() == Some("jsonl") => {
            Some(PART_BYTES_MAX)
        }
        _ => None,
    }
}

/// A file's content; what is longer than it may be ends the verification.
fn content(item: &Item, items: &mut dyn Items, most: usize) -> Result<Vec<u8>, Broken> {
    if usize::try_from(item.bytes).is_ok_and(|bytes| bytes <= most) {
        let mut bytes = Vec::new();
        each(items, &mut |more| bytes.extend_from_slice(more))?;
        return Ok(bytes);
    }
    let what = format!("it has {} bytes, {most} at most", item.bytes);
    Err(Broken::Bad { file: Arc::clone(&item.file), byte: None, what })
}

fn each(items: &mut dyn Items, take: &mut dyn FnMut(&[u8])) -> Result<(), Broken> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = items.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        take(buffer.get(..read).unwrap_or_default());
    }
}
