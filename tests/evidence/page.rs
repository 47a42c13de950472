//! The example in `docs/formats/tlog.md` is what that page says, for our code and that of others.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use events::{Digest, Envelope};
use sha2::{Digest as _, Sha256};
use tests::verifiers::Verifiers;
use tlog::{
    Checkpoint, Hash, Note, TlogProof, leaf_hash, node_hash, parse_private_key, verify_inclusion,
};

use crate::sealed::Growing;

/// What the page says in its example.
struct Example {
    /// The rows of its table.
    rows: BTreeMap<String, String>,
    /// Its blocks of text.
    blocks: Vec<String>,
}

impl Example {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/formats/tlog.md");
        let page = fs::read_to_string(path).unwrap();
        let (_, example) = page.split_once("\n## An example\n").unwrap();
        let row = |line: &str| {
            let (name, value) = line.strip_prefix("| ")?.split_once(" | `")?;
            Some((name.to_owned(), value.strip_suffix("` |")?.to_owned()))
        };
        let rows = example.lines().filter_map(row).collect();
        let blocks = example.split("```\n").skip(1).step_by(2).map(str::to_owned).collect();
        Self { rows, blocks }
    }

    fn row(&self, name: &str) -> &str {
        self.rows.get(name).unwrap_or_else(|| panic!("no row `{name}`: {:?}", self.rows.keys()))
    }

    fn entries(&self) -> Vec<Vec<u8>> {
        (0..3).map(|index| self.row(&format!("entry {index}")).as_bytes().to_vec()).collect()
    }

    /// The whole note.
    fn checkpoint(&self) -> String {
        let text = self.blocks.first().unwrap();
        format!("{text}\n{}\n", self.row("the checkpoint's signature"))
    }

    /// The whole `.tlog-proof` of event 1.
    fn proof(&self) -> String {
        format!("{}\n{}", self.blocks.get(1).unwrap(), self.checkpoint())
    }

    /// The row that says what the digest of a file is.
    fn assert_file(&self, path: &str, bytes: &[u8]) {
        let row = self.row(&format!("SHA-256 of `{path}`, {} bytes", bytes.len()));
        assert_eq!(row, digest(bytes));
    }
}

fn digest(bytes: impl AsRef<[u8]>) -> String {
    Digest(Sha256::digest(bytes).into()).to_string()
}

#[test]
fn the_example_of_the_page_is_what_it_says() {
    let example = Example::read();
    let key = parse_private_key(example.row("private key")).unwrap();
    let verifier = key.verifier();
    assert_eq!(verifier.to_string(), example.row("verifier key"));
    assert_eq!(digest(verifier.name()), example.row("name of the lock"));

    let entries = example.entries();
    for (index, entry) in (0..).zip(&entries) {
        assert_eq!(leaf_hash(entry).to_string(), example.row(&format!("leaf hash {index}")));
        assert_eq!(Envelope::parse(entry).unwrap().sequence, index);
        let value: serde_json::Value = serde_json::from_slice(entry).unwrap();
        assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), *entry);
    }
    let leaf = |index: usize| leaf_hash(entries.get(index).unwrap());
    let node = node_hash(&leaf(0), &leaf(1));
    assert_eq!(node.to_string(), example.row("node over 0 and 1"));
    let root = node_hash(&node, &leaf(2));
    assert_eq!(root.to_string(), example.row("root"));

    let checkpoint = Checkpoint::new(verifier.name(), 3, root).unwrap();
    assert_eq!(checkpoint.sign(&key).unwrap().to_string(), example.checkpoint());
    let signed = Note::parse(example.checkpoint().as_bytes()).unwrap();
    assert_eq!(Checkpoint::verify(&signed, verifier).unwrap(), checkpoint);

    let proof = TlogProof::parse(example.proof().as_bytes()).unwrap();
    let hashes: &[Hash] = &proof.hashes;
    assert_eq!((proof.index, &proof.checkpoint), (1, &signed));
    verify_inclusion(&leaf(1), 1, 3, hashes, &root).unwrap();

    let log = Growing::of(&entries);
    assert_eq!(log.files.len(), 2, "{:?}", log.files.keys());
    for (path, bytes) in &log.files {
        example.assert_file(path, bytes);
    }
}

#[test]
fn others_accept_the_example_of_the_page() {
    let Some(verifiers) = Verifiers::find() else { return };
    let example = Example::read();
    let vkey = example.row("verifier key");
    let scratch = tempfile::tempdir().unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let path = scratch.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    };
    let entries = example.entries();
    for (path, bytes) in &Growing::of(&entries).files {
        write(&format!("log/{path}"), bytes);
    }
    write("log/checkpoint", example.checkpoint().as_bytes());
    for said in verifiers.verify_log(&scratch.path().join("log"), vkey, &[]) {
        said.unwrap();
    }
    let (proof, entry) =
        (write("proof", example.proof().as_bytes()), write("entry", entries.get(1).unwrap()));
    for said in verifiers.verify_proof(&proof, vkey, &entry) {
        said.unwrap();
    }
}
