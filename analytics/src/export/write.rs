//! Writes a bundle from its checkpoint to its manifest.

use super::archive::Archive;
use super::chosen::{Chosen, erasing};
use super::error::ExportError;
use super::item::Item;
use super::manifest::{Files, Manifest, PayloadCounts};
use super::page::Page;
use super::part::Part;
use super::payloads::{Content, Payloads};
use super::read::{each_record, each_record_behind};
use super::selection::Selection;
use super::survey::Survey;
use super::tally::Tally;
use crate::safe_text::one_line;
use events::{Digest, PayloadRef, SessionId, Timestamp};
use ledger::log::Reader;
use ledger::sealer::{LogFiles, Signed};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::mem;
use std::ops::Range;
use tlog::{Prover, TlogProof, VerifierKey};

/// The most columns of a text of others on the page.
const COLUMNS_MAX: usize = 400;

/// Everything an export is made of.
pub struct Export<'a> {
    /// The events.
    pub reader: &'a dyn Reader,
    /// The tiles that prove them.
    pub files: &'a LogFiles,
    /// The checkpoint that they are proved by; events behind it are not looked at.
    pub signed: &'a Signed,
    /// The key that it is signed with.
    pub key: &'a VerifierKey,
    /// The key and the witnesses as a tlog-policy.
    pub policy: &'a str,
    /// The payloads, where they are wanted.
    pub payloads: Option<&'a dyn Payloads>,
    /// Which events.
    pub selection: &'a Selection,
    /// Who asked.
    pub by: &'a str,
    /// The time of the export.
    pub made: Timestamp,
}

/// What an export put into the bundle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many events.
    pub events: u64,
    /// What became of their payloads.
    pub payloads: PayloadCounts,
}

impl Export<'_> {
    /// Writes the bundle. After an error it has no manifest. Blocks for as long as it takes.
    pub fn write(&self, archive: &mut dyn Archive) -> Result<Exported, ExportError> {
        let size = self.signed.checkpoint.size;
        let mut files = Files::new(archive);
        files.add("checkpoint".into(), self.signed.note.to_string().as_bytes())?;
        files.add("keys/policy".into(), self.policy.as_bytes())?;
        let survey = Survey::make(self.reader, size, self.selection)?;
        let mut run = Run {
            export: self,
            files,
            prover: Prover::new(self.files, size, self.signed.checkpoint.root),
            part: Part::new(0),
            tally: Tally::default(),
            payloads: PayloadCounts {
                included: self.payloads.is_some(),
                ..PayloadCounts::default()
            },
            absent: BTreeSet::new(),
        };
        let mut chosen = Chosen::new(self.selection, survey);
        let range = chosen.range(size);
        each_record(self.reader, range.clone(), |sequence, record| {
            let item = Item::parse(sequence, record)?;
            if chosen.takes(&item) { run.take(&item, record) } else { Ok(()) }
        })?;
        run.flush()?;
        let events = run.tally.events;
        run.account(&chosen, range.end..size)?;
        let behind = run.tally.events - events;
        run.nothing_erased_since(size)?;
        run.finish(behind)
    }
}

/// An export under way.
struct Run<'a, 'b> {
    export: &'a Export<'a>,
    files: Files<'b>,
    prover: Prover<&'a LogFiles>,
    part: Part,
    tally: Tally,
    payloads: PayloadCounts,
    /// Sessions with payloads that are not there any more.
    absent: BTreeSet<SessionId>,
}

impl Run<'_, '_> {
    fn take(&mut self, item: &Item, record: &[u8]) -> Result<(), ExportError> {
        if !self.part.has_room(record) {
            self.flush()?;
        }
        self.tally.add(item);
        self.part.push(item, record);
        Ok(())
    }

    /// Writes the part at hand and begins another one.
    fn flush(&mut self) -> Result<(), ExportError> {
        if self.part.is_empty() {
            return Ok(());
        }
        let next = Part::new(self.part.number() + 1);
        let part = mem::replace(&mut self.part, next);
        let number = part.number();
        self.files.add(format!("events/part-{number:05}.jsonl"), part.lines())?;
        self.files.add(format!("events/part-{number:05}.csv"), part.csv().as_bytes())?;
        self.files.add(format!("events/part-{number:05}.parquet"), &part.table()?)?;
        for (member, record) in part.members() {
            let index = member.sequence;
            let hashes = self.prover.prove(index, record)?;
            let checkpoint = self.export.signed.note.clone();
            let proof = TlogProof { extra: None, index, hashes, checkpoint };
            let path = format!("proofs/{number:05}/{index:020}.tlog-proof");
            self.files.add_unlisted(&path, proof.to_string().as_bytes())?;
        }
        let mut done = BTreeSet::new();
        for (session, reference) in part.members().filter_map(|(member, _)| member.payload) {
            if let Some(source) = self.export.payloads {
                self.payload(source, session, &reference, &mut done)?;
            }
        }
        Ok(())
    }

    /// Adds a payload and its salt, unless they are `done`: several events of a part may name them.
    fn payload(
        &mut self,
        source: &dyn Payloads,
        session: SessionId,
        reference: &PayloadRef,
        done: &mut BTreeSet<String>,
    ) -> Result<(), ExportError> {
        if reference.discarded {
            self.payloads.discarded += 1;
            return Ok(());
        }
        // The salt first: one that is there before content of its session is that content's.
        let path = format!("payloads/{session}/salt");
        let salt = if done.contains(&path) {
            None
        } else {
            source.salt(session).map_err(ExportError::Payload)?
        };
        let content = match source.content(session, reference).map_err(ExportError::Payload)? {
            Content::Present(content) => content,
            Content::Absent => {
                self.payloads.erased += 1;
                self.absent.insert(session);
                return Ok(());
            }
            Content::Undecryptable => {
                self.payloads.undecryptable += 1;
                return Ok(());
            }
        };
        self.payloads.present += 1;
        if let Some(salt) = salt {
            self.files.add_unlisted(&path, format!("{}\n", Digest(salt)).as_bytes())?;
            done.insert(path);
        }
        let path = format!("payloads/{session}/{}", reference.digest);
        if !done.contains(&path) {
            self.files.add_unlisted(&path, &content)?;
            done.insert(path);
        }
        Ok(())
    }

    /// Adds what tells, behind a range, why payloads of the range are not there.
    fn account(&mut self, chosen: &Chosen<'_>, behind: Range<u64>) -> Result<(), ExportError> {
        if self.absent.is_empty() {
            return Ok(());
        }
        let absent = self.absent.clone();
        each_record(self.export.reader, behind, |sequence, record| {
            let item = Item::parse(sequence, record)?;
            if chosen.accounts_for(&item, &absent) { self.take(&item, record) } else { Ok(()) }
        })?;
        self.flush()
    }

    /// Fails where an absent payload may have been erased behind the checkpoint, while this was
    /// written: the bundle could not account for it.
    fn nothing_erased_since(&self, size: u64) -> Result<(), ExportError> {
        if self.absent.is_empty() {
            return Ok(());
        }
        each_record_behind(self.export.reader, size, |sequence, record| {
            let item = Item::parse(sequence, record)?;
            let erased = erasing(&item).iter().find(|session| self.absent.contains(session));
            erased.map_or(Ok(()), |session| Err(ExportError::ErasedMeanwhile(*session)))
        })
    }

    fn finish(mut self, behind: u64) -> Result<Exported, ExportError> {
        let Export { signed, key, policy, selection, by, made, .. } = *self.export;
        let size = signed.checkpoint.size;
        let criterion = selection.to_string();
        let fingerprint = Digest(Sha256::digest(key.public()).into()).to_string();
        let page = Page {
            by: one_line(by, COLUMNS_MAX),
            criterion: one_line(&criterion, COLUMNS_MAX),
            is_contiguous: selection.is_contiguous(),
            made,
            origin: key.name(),
            size,
            checkpoint: signed.note.to_string(),
            policy,
            fingerprint,
            payloads: self.payloads,
            tally: &self.tally,
        };
        self.files.add("summary.html".into(), page.html()?.as_bytes())?;
        let mut manifest = Manifest::new(by, key.name(), size, made);
        manifest.criterion = criterion;
        manifest.contiguous = selection.is_contiguous();
        manifest.first = self.tally.first.map(|(sequence, _)| sequence);
        manifest.last = self.tally.last.map(|(sequence, _)| sequence);
        manifest.behind = behind;
        manifest.events = self.tally.events;
        manifest.payloads = self.payloads;
        self.files.finish(manifest)?;
        Ok(Exported { events: self.tally.events, payloads: self.payloads })
    }
}
