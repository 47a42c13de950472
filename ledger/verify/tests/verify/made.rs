//! Small logs and exports to verify and to tamper with, made with fixed keys and times.

use events::{
    CallId, Decision, Digest, Draft, Envelope, Event, EventId, PayloadErased, PayloadRef,
    SessionId, Timestamp,
};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tlog::{
    BundleId, Checkpoint, CosigningKey, Hash, Note, SigningKey, TileId, TileSource, TlogProof,
    TreeBuilder, bundle_push, inclusion_proof, leaf_hash,
};
use verify::{Check, Finding, Report, Silent, Subject, Trust, read_policy};

pub(crate) const ORIGIN: &str = "ledger.example/countersign/0";

/// The salt of every session.
pub(crate) const SALT: [u8; 32] = [7; 32];

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[1; 32]).unwrap()
}

pub(crate) fn witness() -> CosigningKey {
    CosigningKey::from_seed("witness.example", &[2; 32]).unwrap()
}

/// Believes the log's key, and nobody else.
pub(crate) fn trust() -> Trust {
    let policy = read_policy(key().verifier().to_string().as_bytes()).unwrap();
    Trust { policy: Some(policy), known: Vec::new() }
}

pub(crate) fn event_id(number: u64) -> EventId {
    format!("{number:026}").parse().unwrap()
}

pub(crate) fn call(number: u64) -> CallId {
    format!("call_{number:026}").parse().unwrap()
}

pub(crate) fn session(number: u64) -> SessionId {
    format!("ses_{number:026}").parse().unwrap()
}

/// A fact of this kind as the golden file has it.
pub(crate) fn fact(kind: &str) -> Event {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/events");
    let bytes = fs::read(format!("{golden}/{kind}.json")).unwrap();
    Envelope::parse(&bytes).unwrap().event
}

pub(crate) fn payload(content: &[u8]) -> PayloadRef {
    let mut sha = sha2::Sha256::new();
    sha.update(b"countersign/payload/v1\0");
    sha.update(SALT);
    sha.update(content);
    let bytes = u64::try_from(content.len()).unwrap();
    PayloadRef { bytes, digest: Digest(sha.finalize().into()), discarded: false }
}

/// Events as they are made up, and the payloads that they name.
#[derive(Clone, Default)]
pub(crate) struct Made {
    pub(crate) events: Vec<Vec<u8>>,
    pub(crate) payloads: BTreeMap<(SessionId, Digest), Vec<u8>>,
}

impl Made {
    /// Adds an event; gives its sequence.
    pub(crate) fn add(
        &mut self,
        fact: Event,
        session: Option<SessionId>,
        call: Option<CallId>,
        cause: Option<EventId>,
    ) -> u64 {
        let sequence = u64::try_from(self.events.len()).unwrap();
        let time = Timestamp::from_micros(1_795_000_000_000_000 + sequence);
        let draft = Draft { id: event_id(sequence), time, session, cause, call, fact };
        let (mut bytes, at) = draft.encode_event("countersign/0").unwrap();
        bytes[at..at + 20].copy_from_slice(format!("{sequence:020}").as_bytes());
        self.events.push(bytes);
        sequence
    }

    pub(crate) fn plain(&mut self, fact: Event) -> u64 {
        self.add(fact, None, None, None)
    }

    pub(crate) fn content(&mut self, of: u64, content: &[u8]) -> PayloadRef {
        let payload = payload(content);
        self.payloads.insert((session(of), payload.digest), content.to_vec());
        payload
    }

    pub(crate) fn dispatch(&mut self, of: u64, number: u64) -> u64 {
        let Event::CallDispatched(mut dispatched) = fact("call.dispatched") else { panic!() };
        dispatched.request = Some(self.content(of, format!("request {number}").as_bytes()));
        dispatched.verdict.decision = Decision::Allow;
        dispatched.grant = None;
        self.add(dispatched.into(), Some(session(of)), Some(call(number)), None)
    }

    pub(crate) fn complete(&mut self, of: u64, number: u64) -> u64 {
        let Event::CallCompleted(mut completed) = fact("call.completed") else { panic!() };
        completed.answer = Some(self.content(of, format!("answer {number}").as_bytes()));
        self.add(completed.into(), Some(session(of)), Some(call(number)), None)
    }

    pub(crate) fn request_erasure(&mut self, of: u64) -> u64 {
        let Event::EraseRequested(mut asked) = fact("payload.erase_requested") else { panic!() };
        asked.sessions = vec![session(of)];
        self.plain(asked.into())
    }

    pub(crate) fn erase(&mut self, of: u64, cause: Option<EventId>) -> u64 {
        let sessions = vec![session(of)];
        let erased = PayloadErased { bytes: 1, payloads: 1, sessions };
        self.payloads.retain(|(session_of, _), _| *session_of != session(of));
        self.add(erased.into(), None, None, cause)
    }

    /// A log with a bit of everything, in order.
    pub(crate) fn whole(calls: u64) -> Self {
        let mut made = Self::default();
        made.plain(fact("gateway.started"));
        made.add(fact("call.denied"), Some(session(2)), Some(call(999_999)), None);
        made.payloads.clear();
        for number in 0..calls {
            let of = 1 + number % 3;
            made.dispatch(of, number);
            made.add(fact("call.linked"), Some(session(of)), Some(call(number)), None);
            if number != calls / 2 {
                made.complete(of, number);
            }
        }
        let open = 3 + 3 * (calls / 2) - 1;
        let Event::CallInDoubt(mut doubt) = fact("call.in_doubt") else { panic!() };
        doubt.dispatched = open;
        made.add(doubt.into(), None, Some(call(calls / 2)), None);
        made.plain(fact("gateway.started"));
        let asked = made.request_erasure(2);
        made.erase(2, Some(event_id(asked)));
        made.plain(fact("gateway.stopped"));
        made
    }

    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.events.len()).unwrap()
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::new(&self.events)
    }

    /// The log as a directory of tiles.
    pub(crate) fn log(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        write_log(folder.path(), &self.events);
        folder
    }

    /// The files of an export of these events, in the order of an archive.
    pub(crate) fn export(&self, sequences: &[u64], contiguous: bool) -> Vec<(String, Vec<u8>)> {
        let tree = self.tree();
        let note = tree.note();
        let policy = format!("log {}\nquorum none\n", key().verifier());
        let mut files = vec![
            ("checkpoint".to_owned(), note.to_string().into_bytes()),
            ("keys/policy".to_owned(), policy.into_bytes()),
        ];
        for (part, sequences) in sequences.chunks(5).enumerate() {
            let mut lines = Vec::new();
            for sequence in sequences {
                lines.extend_from_slice(&self.events[usize::try_from(*sequence).unwrap()]);
                lines.push(b'\n');
            }
            files.push((format!("events/part-{part:05}.jsonl"), lines));
            files.push((format!("events/part-{part:05}.csv"), b"sequence\r\n".to_vec()));
            for sequence in sequences {
                let hashes = inclusion_proof(&tree, *sequence, self.size()).unwrap();
                let index = *sequence;
                let proof = TlogProof { extra: None, index, hashes, checkpoint: note.clone() };
                let path = format!("proofs/{part:05}/{sequence:020}.tlog-proof");
                files.push((path, proof.to_string().into_bytes()));
            }
        }
        let mut latest = None;
        for ((session, digest), content) in &self.payloads {
            if latest != Some(session) {
                latest = Some(session);
                let salt = format!("{}\n", Digest(SALT));
                files.push((format!("payloads/{session}/salt"), salt.into_bytes()));
            }
            files.push((format!("payloads/{session}/{digest}"), content.clone()));
        }
        files.push(("summary.html".to_owned(), b"<p>hello</p>\n".to_vec()));
        let manifest = self.manifest(&files, sequences, contiguous);
        files.push(("manifest.json".to_owned(), manifest));
        files
    }

    pub(crate) fn manifest(
        &self,
        files: &[(String, Vec<u8>)],
        sequences: &[u64],
        contiguous: bool,
    ) -> Vec<u8> {
        let listed: Vec<_> = files
            .iter()
            .filter(|(path, _)| !path.starts_with("proofs/") && !path.starts_with("payloads/"))
            .map(|(path, bytes)| {
                let digest = Digest(sha2::Sha256::digest(bytes).into());
                serde_json::json!({ "path": path, "bytes": bytes.len(), "sha256": digest })
            })
            .collect();
        let manifest = serde_json::json!({
            "format": "countersign-evidence/1", "by": "ada@example.com", "criterion": "all",
            "contiguous": contiguous, "origin": ORIGIN, "size": self.size(),
            "made": "2026-11-25T00:00:00Z", "first": sequences.first(), "last": sequences.last(),
            "events": sequences.len(),
            "payloads": { "included": true, "present": self.payloads.len(), "erased": 1,
                "discarded": 0, "undecryptable": 0 },
            "files": listed,
        });
        manifest.to_string().into_bytes()
    }

    pub(crate) fn all(&self) -> Vec<u64> {
        (0..self.size()).collect()
    }
}

/// All tiles of a log, and its root.
pub(crate) struct Tree {
    pub(crate) tiles: BTreeMap<TileId, Vec<u8>>,
    size: u64,
    root: Hash,
}

impl Tree {
    pub(crate) fn new(events: &[Vec<u8>]) -> Self {
        let mut builder = TreeBuilder::new();
        let mut tiles = BTreeMap::new();
        for event in events {
            let mut full = |id, bytes: &[u8]| drop(tiles.insert(id, bytes.to_vec()));
            builder.push(leaf_hash(event), &mut full).unwrap();
        }
        tiles.extend(builder.partial());
        Self { tiles, size: builder.size(), root: builder.root() }
    }

    pub(crate) fn note(&self) -> Note {
        let checkpoint = Checkpoint::new(ORIGIN, self.size, self.root).unwrap();
        checkpoint.sign(&key()).unwrap()
    }
}

impl TileSource for Tree {
    type Error = ();

    fn tile(&self, id: TileId) -> Result<Vec<u8>, ()> {
        self.tiles.get(&id).cloned().ok_or(())
    }
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub(crate) fn write_log(folder: &Path, events: &[Vec<u8>]) {
    let tree = Tree::new(events);
    write(&folder.join("checkpoint"), tree.note().to_string().as_bytes());
    for (id, bytes) in &tree.tiles {
        write(&folder.join(id.path()), bytes);
    }
    for (index, entries) in (0..).zip(events.chunks(256)) {
        let mut bundle = Vec::new();
        for entry in entries {
            bundle_push(&mut bundle, entry).unwrap();
        }
        let id = BundleId { index, width: u16::try_from(entries.len()).unwrap() };
        write(&folder.join(id.path()), &bundle);
    }
}

pub(crate) fn write_export(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        write(&folder.join(path), bytes);
    }
}

/// An archive as the exporter's library writes it.
pub(crate) fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(u64::try_from(bytes.len()).unwrap());
        header.set_mode(0o644);
        header.set_entry_type(tar::EntryType::Regular);
        builder.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Every file below a folder.
pub(crate) fn files_of(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn report_with(path: &Path, trust: &Trust) -> Report {
    let subject = Subject::find(path.to_str().unwrap()).unwrap();
    subject.verify(trust, &mut Silent).unwrap().pop().unwrap()
}

pub(crate) fn report(path: &Path) -> Report {
    report_with(path, &trust())
}

/// The one finding that there is.
#[track_caller]
pub(crate) fn only(report: &Report) -> &Finding {
    let [finding] = report.listed() else { panic!("{report}") };
    finding
}

/// The one finding of a check.
#[track_caller]
pub(crate) fn of(report: &Report, check: Check) -> &Finding {
    let found: Vec<_> = report.listed().iter().filter(|finding| finding.check == check).collect();
    let [finding] = found.as_slice() else { panic!("{report}") };
    finding
}
