//! Runs the command, and checks a bundle as an auditor would.

use events::{Digest, Envelope, Event};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;
use tests::gateway::{program, verifier};
use tlog::{Policy, TlogProof};

/// How the command ended, and what it said on standard output and error.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

/// Runs `countersign export` to its end.
pub(crate) fn export(words: &[&str]) -> Ended {
    export_with(words, &[])
}

/// Runs it with variables in its environment.
pub(crate) fn export_with(words: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = program();
    command.envs(variables.iter().copied());
    command.arg("export").args(["--by", "auditor"]).args(words);
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Ended { code: output.status.code(), said: String::from_utf8(said).unwrap() }
}

/// Has the auditor's program verify a bundle with the right key, got elsewhere.
pub(crate) fn verify(bundle: &Path, key: &str) {
    let output = verifier().args(["--vkey", key]).arg(bundle).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("verified: "), "{said}");
}

/// The files of a bundle by their paths.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

pub(crate) fn archive(path: &Path) -> Files {
    let mut files = Files::new();
    for entry in tar::Archive::new(File::open(path).unwrap()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        files.insert(path, content);
    }
    files
}

pub(crate) fn folder(path: &Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![path.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let found = entry.unwrap().path();
            if found.is_dir() {
                folders.push(found);
            } else {
                let name = found.strip_prefix(path).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&found).unwrap());
            }
        }
    }
    files
}

fn text<'a>(listed: &'a serde_json::Value, member: &str) -> &'a str {
    listed.get(member).and_then(serde_json::Value::as_str).unwrap()
}

/// Checks every proof, digest and commitment. Gives the events.
pub(crate) fn check(files: &Files) -> Vec<Envelope> {
    let policy = Policy::parse(&files["keys/policy"]).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    for listed in manifest.get("files").and_then(serde_json::Value::as_array).unwrap() {
        let digest = Digest(Sha256::digest(&files[text(listed, "path")]).into());
        assert_eq!(text(listed, "sha256"), digest.to_string());
    }
    let mut events = Vec::new();
    for (path, lines) in files {
        let name = path.strip_prefix("events/part-");
        let Some(part) = name.and_then(|name| name.strip_suffix(".jsonl")) else { continue };
        for record in lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let event = Envelope::parse(record).unwrap();
            let proof = format!("proofs/{part}/{:020}.tlog-proof", event.sequence);
            let proof = TlogProof::parse(&files[&proof]).unwrap();
            proof.verify(record, &policy).unwrap();
            assert_eq!(proof.index, event.sequence);
            events.push(event);
        }
    }
    let count = manifest.get("events").and_then(serde_json::Value::as_u64).unwrap();
    assert_eq!(count, events.len() as u64);
    events
}

/// How many payloads are there; each is what its event commits to.
pub(crate) fn payloads(files: &Files, events: &[Envelope]) -> usize {
    let named = events.iter().filter_map(|event| {
        let mut reference = None;
        if let Event::CallDispatched(fact) = &event.event {
            reference = fact.request;
        } else if let Event::CallCompleted(fact) = &event.event {
            reference = fact.answer;
        }
        Some((event.session?, reference?))
    });
    let mut present = 0;
    for (session, reference) in named {
        let Some(content) = files.get(&format!("payloads/{session}/{}", reference.digest)) else {
            continue;
        };
        let salt = std::str::from_utf8(&files[&format!("payloads/{session}/salt")]).unwrap();
        let salt: Digest = serde_json::from_value(salt.trim().into()).unwrap();
        let digest = Sha256::new()
            .chain_update(b"countersign/payload/v1\0")
            .chain_update(salt.0)
            .chain_update(content)
            .finalize();
        assert_eq!(reference.digest, Digest(digest.into()));
        present += 1;
    }
    present
}
