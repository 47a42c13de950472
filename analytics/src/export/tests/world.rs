//! A sealed ledger in memory, and bundles of it.

use crate::export::{Content, Export, ExportError, Exported, Payloads, Selection, TarArchive};
use crate::samples::{Book, principal};
use bytes::Bytes;
use events::{CallDispatched, Draft, Envelope, PayloadRef, Principal, SessionId, Timestamp};
use ledger::backend::memory::MemoryLog;
use ledger::log::{Batch, Log, Reader};
use ledger::sealer::{DirectoryLock, LogFiles, LostLock, Sealer, Signed};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use tempfile::TempDir;
use tlog::{Policy, SigningKey, TlogProof};

/// The files of a bundle.
pub(super) type Bundle = BTreeMap<String, Vec<u8>>;

pub(super) struct World {
    folder: TempDir,
    log: MemoryLog,
    payloads: BTreeMap<[u8; 32], Vec<u8>>,
}

/// Payloads by their digest; salts that are the session's id twice.
pub(super) struct Kept<'a>(&'a BTreeMap<[u8; 32], Vec<u8>>);

impl Payloads for Kept<'_> {
    fn content(&self, _: SessionId, reference: &PayloadRef) -> Result<Content, String> {
        let content = self.0.get(&reference.digest.0).cloned();
        Ok(content.map_or(Content::Absent, Content::Present))
    }

    fn salt(&self, session: SessionId) -> Result<Option<[u8; 32]>, String> {
        Ok([session.ulid().to_bytes(), session.ulid().to_bytes()].concat().try_into().ok())
    }
}

impl World {
    /// A ledger of these records.
    pub(super) fn of_records(records: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut log = MemoryLog::new();
        for record in records {
            let records = vec![Bytes::from(record)];
            log.append(&Batch { records, payloads: Vec::new() }).unwrap();
        }
        Self { folder: tempfile::tempdir().unwrap(), log, payloads: BTreeMap::new() }
    }

    /// A ledger of what a book says.
    pub(super) fn of(book: &Book) -> Self {
        Self::of_records(book.events.iter().map(record))
    }

    pub(super) fn keep(mut self, reference: &PayloadRef, content: &str) -> Self {
        self.payloads.insert(reference.digest.0, content.as_bytes().to_vec());
        self
    }

    pub(super) fn reader(&self) -> Arc<dyn Reader> {
        self.log.reader()
    }

    pub(super) fn seal(&self) -> (LogFiles, Signed) {
        let files = LogFiles::new(self.folder.path().join("tlog"));
        let lock = DirectoryLock::open(&self.folder.path().join("lock"), "log").unwrap();
        let opened =
            Sealer::open(self.reader(), files, Box::new(lock), key(), LostLock::Refuse).unwrap();
        let mut sealer = opened;
        let signed = sealer.seal().unwrap().unwrap().clone();
        sealer.publish(&signed).unwrap();
        (sealer.files().clone(), signed)
    }

    /// A bundle, with payloads, as a tar archive.
    pub(super) fn export(&self, selection: &Selection) -> (Exported, Vec<u8>) {
        let (files, signed) = self.seal();
        let mut archive = TarArchive::new(Vec::new(), 1_795_248_000);
        let exported = self.export_to(&files, &signed, selection, &mut archive).unwrap();
        (exported, archive.finish().unwrap())
    }

    pub(super) fn export_to(
        &self,
        files: &LogFiles,
        signed: &Signed,
        selection: &Selection,
        archive: &mut dyn crate::export::Archive,
    ) -> Result<Exported, ExportError> {
        let (key, policy) = (key(), policy());
        Export {
            reader: &*self.reader(),
            files,
            signed,
            key: key.verifier(),
            policy: &policy,
            payloads: Some(&Kept(&self.payloads)),
            selection,
            by: "auditor <b>Ada</b>",
            made: Timestamp::from_micros(1_795_248_000_000_000),
        }
        .write(archive)
    }

    /// A bundle's files after every check that anybody could make.
    pub(super) fn checked(&self, selection: &Selection) -> Bundle {
        let (exported, tar) = self.export(selection);
        let bundle = unpack(&tar);
        assert_eq!(check(&bundle), exported.events);
        bundle
    }
}

pub(super) fn key() -> SigningKey {
    SigningKey::from_seed("example.com/log", &[7; 32]).unwrap()
}

pub(super) fn policy() -> String {
    format!("log {}\nquorum none\n", key().verifier())
}

/// An event's canonical bytes.
pub(super) fn record(envelope: &Envelope) -> Vec<u8> {
    let draft = Draft {
        id: envelope.id,
        time: envelope.time,
        session: envelope.session,
        cause: envelope.cause,
        call: envelope.call,
        fact: envelope.event.clone(),
    };
    let (mut bytes, at) = draft.encode_event(&envelope.source).unwrap();
    bytes[at..at + 20].copy_from_slice(format!("{:020}", envelope.sequence).as_bytes());
    bytes
}

/// A call for this person.
pub(super) fn for_person(person: &str, call: CallDispatched) -> CallDispatched {
    CallDispatched { principal: Principal { owner: person.into(), ..principal() }, ..call }
}

/// The files of an archive, in which only payloads come twice.
pub(super) fn unpack(tar: &[u8]) -> Bundle {
    let mut files = Bundle::new();
    let mut paths = Vec::new();
    for entry in tar::Archive::new(tar).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        paths.push(path.clone());
        if let Some(other) = files.insert(path.clone(), content) {
            assert!(path.starts_with("payloads/"), "{path} comes twice");
            assert_eq!(Some(&other), files.get(&path));
        }
    }
    assert_eq!(paths.first().map(String::as_str), Some("checkpoint"));
    assert_eq!(paths.last().map(String::as_str), Some("manifest.json"));
    files
}

/// The records of a bundle, in order.
pub(super) fn records(bundle: &Bundle) -> Vec<Vec<u8>> {
    let is_part = |path: &str| path.strip_suffix(".jsonl").is_some();
    let parts = bundle.iter().filter(|(path, _)| is_part(path));
    let lines = parts.flat_map(|(_, part)| part.split(|byte| *byte == b'\n'));
    lines.filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

pub(super) fn sequences(bundle: &Bundle) -> Vec<u64> {
    let sequence = |record: &Vec<u8>| {
        let event: serde_json::Value = serde_json::from_slice(record).unwrap();
        event["sequence"].as_str().unwrap().parse().unwrap()
    };
    records(bundle).iter().map(sequence).collect()
}

pub(super) fn manifest(bundle: &Bundle) -> serde_json::Value {
    serde_json::from_slice(&bundle["manifest.json"]).unwrap()
}

/// Checks proofs, digests and order; gives the number of events.
fn check(bundle: &Bundle) -> u64 {
    use sha2::Digest as _;
    let policy = Policy::parse(&bundle["keys/policy"]).unwrap();
    let manifest = manifest(bundle);
    let proofs: Vec<_> = bundle.iter().filter(|(path, _)| path.starts_with("proofs/")).collect();
    let records = records(bundle);
    assert_eq!(proofs.len(), records.len());
    for ((path, proof), (record, sequence)) in
        proofs.iter().zip(records.iter().zip(sequences(bundle)))
    {
        let proof = TlogProof::parse(proof).unwrap();
        proof.verify(record, &policy).unwrap();
        assert_eq!(proof.index, sequence);
        assert_eq!(proof.checkpoint.to_string().as_bytes(), bundle["checkpoint"]);
        assert!(path.ends_with(&format!("/{sequence:020}.tlog-proof")), "{path}");
    }
    assert!(sequences(bundle).is_sorted_by(|a, b| a < b));
    assert_eq!(manifest["events"], records.len());
    let listed = manifest["files"].as_array().unwrap();
    let proves_itself = |path: &str| path.starts_with("proofs/") || path.starts_with("payloads/");
    assert_eq!(listed.len() + 1, bundle.keys().filter(|path| !proves_itself(path)).count());
    for file in listed {
        let content = &bundle[file["path"].as_str().unwrap()];
        let digest = events::Digest(sha2::Sha256::digest(content).into());
        assert_eq!(file["sha256"], digest.to_string());
        assert_eq!(file["bytes"], content.len());
    }
    manifest["events"].as_u64().unwrap()
}
