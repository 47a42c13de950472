//! What must hold for everything that crate `tlog` reads, whatever the bytes.

use crate::damage::{Source, edit};
use std::sync::LazyLock;
use tlog::{
    AddCheckpoint, BundleId, Checkpoint, CosigningKey, Decision, Hash, Note, NoteSignature, Policy,
    SigningKey, TileId, TileSource, TlogProof, TreeBuilder, TreeHead, VerifierKey, bundle_entries,
    bundle_push, consistency_proof, cosigning_key_text, decide, inclusion_proof, leaf_hash,
    parse_cosignatures, parse_cosigning_key, parse_private_key, parse_size, private_key_text, root,
};

/// The name of the log that everything here is of.
pub const ORIGIN: &str = "log.example/0";

/// The log's key.
pub fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[1; 32]).expect("a key is made")
}

/// The key of a witness.
pub fn witness() -> CosigningKey {
    CosigningKey::from_seed("witness.example", &[2; 32]).expect("a key is made")
}

/// A text of each kind that is read, all of them right.
static TEXTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let tree = Tree::of(9);
    let note = tree.note(9);
    let cosignature = witness().sign(note.text(), 1_795_000_000).expect("it is signed");
    let mut cosigned = note.clone();
    cosigned.add(cosignature.clone()).expect("there is room");
    let hashes = inclusion_proof(&tree, 4, 9).expect("it is in the tree");
    let proof = TlogProof { extra: Some(vec![7; 40]), index: 4, hashes, checkpoint: note };
    let (log, witness) = (key().verifier().to_string(), witness().verifier().to_string());
    vec![
        cosigned.to_string(),
        cosigned.text().to_owned(),
        proof.to_string(),
        tree.request(5, 9).to_string(),
        format!(
            "# who\nlog {log} https://log.example/\nwitness w {witness}\ngroup g any w\nquorum g\n"
        ),
        cosignature.to_string(),
        "9\n".to_owned(),
        log,
        witness,
        private_key_text(ORIGIN, &[1; 32]).expect("it is a key"),
        cosigning_key_text("witness.example", &[2; 32]).expect("it is a key"),
        TileId { level: 1, index: 1_234_067, width: 5 }.path(),
        BundleId { index: 70_001, width: 256 }.path(),
    ]
});

/// A text of any kind is read by the parser of its kind, and written again as it was, or it is
/// refused. The first byte says which right text the others edit, or that they are all there is.
pub fn texts(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let mut text = match TEXTS.get(usize::from(source.byte()) % (TEXTS.len() + 1)) {
        Some(text) => text.clone().into_bytes(),
        None => source.take(usize::MAX).to_vec(),
    };
    while !source.is_empty() {
        edit(&mut text, &mut source);
    }
    read(&text);
}

/// How many right texts there are.
pub fn texts_count() -> usize {
    TEXTS.len()
}

fn read(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        judge(&note);
    }
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(proof.to_string().as_bytes(), bytes);
        let policy = format!("log {}\nquorum none\n", key().verifier());
        let policy = Policy::parse(policy.as_bytes()).expect("it is a policy");
        let proved = proof.verify(&entry(4), &policy).is_ok();
        assert!(!proved || (proof.index == 4 && proof.hashes.len() == 4));
    }
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(request.to_string().as_bytes(), bytes);
        decided(&request);
    }
    if let Ok(signatures) = parse_cosignatures(bytes) {
        let lines: String = signatures.iter().map(NoteSignature::to_string).collect();
        assert_eq!(lines.as_bytes(), bytes);
    }
    if let Ok(size) = parse_size(bytes) {
        assert_eq!(format!("{size}\n").as_bytes(), bytes);
    }
    if let Err(error) = Policy::parse(bytes) {
        assert!((1..=bytes.len() + 1).contains(&error.line), "{error}");
    }
    // The other readers take texts alone.
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(checkpoint) = text.parse::<Checkpoint>() {
        assert_eq!(checkpoint.to_string(), text);
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(own) = parse_private_key(text) {
        assert_eq!((own.verifier(), text.len()), (key().verifier(), TEXTS[9].len()));
    }
    if let Ok(own) = parse_cosigning_key(text) {
        assert_eq!((own.verifier(), text.len()), (witness().verifier(), TEXTS[10].len()));
    }
    if let Ok(hash) = text.parse::<Hash>() {
        assert_eq!(hash.to_string(), text);
    }
    if let Ok(tile) = TileId::parse(text) {
        assert_eq!(tile.path(), text);
    }
    if let Ok(bundle) = BundleId::parse(text) {
        assert_eq!(bundle.path(), text);
    }
}

/// A note is believed only if it says what the log signed.
fn judge(note: &Note) {
    if Checkpoint::verify(note, key().verifier()).is_ok() {
        assert_eq!(note.text(), TEXTS[1]);
    }
    if tlog::verify_cosignature(note, witness().verifier()).is_ok() {
        assert_eq!(note.text(), TEXTS[1]);
    }
}

/// A request is cosigned only if it is what the log signed, from where the witness stands.
fn decided(request: &AddCheckpoint) {
    let tree = Tree::of(9);
    let root = tree.root(5);
    let logs = [key().verifier().clone()];
    let decision = decide(request, &logs, Some(TreeHead { size: 5, root }));
    if let Decision::Cosign(head) = decision {
        assert_eq!((head.size, head.root), (9, tree.root(9)));
        assert_eq!(request.old(), 5);
    }
}

/// A bundle of any width is read to the end or refused once; and tiles of any bytes give a tree, a
/// root and proofs, or say which tile is wrong, and ask for no more than there can be.
pub fn parts(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let width = u16::from(source.byte()) + u16::from(source.byte() % 2);
    let small = u32::from(source.byte() % 64);
    let size = u64::from_le_bytes(std::array::from_fn(|_| source.byte())) >> small;
    let old = u64::from_le_bytes(std::array::from_fn(|_| source.byte())) >> small;
    let rest = source.take(usize::MAX);
    let entries: Vec<_> = bundle_entries(rest, width).collect();
    assert!(entries.len() <= usize::from(width) + 1);
    if let Ok(entries) = entries.into_iter().collect::<Result<Vec<_>, _>>() {
        let mut again = Vec::new();
        for entry in entries {
            bundle_push(&mut again, entry).expect("it was in a bundle");
        }
        assert_eq!(again, rest);
    }
    let tiles = Repeated(rest);
    let made = root(&tiles, size);
    let built = TreeBuilder::resume(size, &tiles);
    if let (Ok(built), Ok(made)) = (&built, &made) {
        // Where all tiles are alike, what is above them is not what they make: no more to say.
        assert!(size > 255 || built.root() == *made);
    }
    if let Ok(proof) = inclusion_proof(&tiles, old, size) {
        assert!(proof.len() <= 64);
    }
    if let Ok(proof) = consistency_proof(&tiles, old, size) {
        assert!(proof.len() <= 65);
    }
}

/// Gives the same bytes for every tile, as many as it has.
struct Repeated<'a>(&'a [u8]);

impl TileSource for Repeated<'_> {
    type Error = ();

    fn tile(&self, id: TileId) -> Result<Vec<u8>, ()> {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return Err(()) };
        let wanted = id.bytes();
        // Too little now and then.
        let bytes = wanted - usize::from(first % 16 == 0 && *last == id.level);
        Ok(self.0.iter().copied().cycle().take(bytes).collect())
    }
}

/// The entry of a place.
pub fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

/// A small tree with its tiles.
pub struct Tree {
    leaves: Vec<Hash>,
}

impl Tree {
    /// The tree of so many entries, fewer than a tile has.
    pub fn of(size: u64) -> Self {
        Self { leaves: (0..size).map(|index| leaf_hash(&entry(index))).collect() }
    }

    /// Its root when it had so many.
    pub fn root(&self, size: u64) -> Hash {
        root(self, size).expect("all tiles are there")
    }

    /// Its signed checkpoint of this size.
    pub fn note(&self, size: u64) -> Note {
        let checkpoint = Checkpoint::new(ORIGIN, size, self.root(size)).expect("it is a name");
        checkpoint.sign(&key()).expect("it is signed")
    }

    /// The request to cosign it.
    pub fn request(&self, old: u64, new: u64) -> AddCheckpoint {
        let proof = consistency_proof(self, old, new).expect("all tiles are there");
        AddCheckpoint::new(old, proof, self.note(new)).expect("it is a request")
    }
}

impl TileSource for Tree {
    type Error = ();

    fn tile(&self, id: TileId) -> Result<Vec<u8>, ()> {
        let leaves = self.leaves.get(..usize::from(id.width)).filter(|_| id.level == 0);
        Ok(leaves.ok_or(())?.iter().flat_map(|hash| hash.0).collect())
    }
}
