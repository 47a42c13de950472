//! What a witness answers, as tlog-witness says it.

use tests::wire::Answer;
use tests::witness::Witness;
use tlog::{
    AddCheckpoint, Checkpoint, CosigningKey, Note, SigningKey, VerifierKey, parse_cosignatures,
    verify_cosignature,
};

use crate::log::Log;

pub(crate) const ORIGIN: &str = "log.example/0";

/// SHA-256 of the origin.
const DIGEST: &str = "aa286ae6f383dfb3ca07a90100ee7159320579e677634d6732801fb27276ecb7";

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// Checks that the answer is a cosignature of the checkpoint.
pub(crate) fn assert_cosigned(witness: &Witness, note: &Note, answer: &Answer) {
    assert_eq!(answer.status(), 200, "{}", text(answer));
    let key: VerifierKey = witness.key.parse().unwrap();
    let mut note = note.clone();
    for signature in parse_cosignatures(&answer.body).unwrap() {
        note.add(signature).unwrap();
    }
    assert!(verify_cosignature(&note, &key).unwrap() > 1_700_000_000);
}

/// Checks that the witness has another size, and says which.
fn assert_conflict(answer: &Answer, size: u64) {
    assert_eq!((answer.status(), text(answer)), (409, format!("{size}\n")));
    assert_eq!(answer.head.header("content-type"), Some("text/x.tlog.size"));
}

#[test]
fn a_witness_cosigns_a_log_as_it_grows_and_shows_the_latest_checkpoint() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    let path = format!("/{DIGEST}/checkpoint");
    assert_eq!(witness.look(&path).unwrap().status(), 404);
    for (old, size) in [(0, 3), (3, 3), (3, 100)] {
        let request = log.request(old, size);
        assert_cosigned(&witness, request.note(), &witness.ask(request.to_string()).unwrap());
        let shown = witness.look(&path).unwrap();
        let shown = Note::parse(&shown.body).unwrap();
        verify_cosignature(&shown, &witness.key.parse().unwrap()).unwrap();
        let checkpoint = Checkpoint::verify(&shown, &log.key().parse().unwrap()).unwrap();
        assert_eq!(checkpoint, log.checkpoint(size));
    }
    assert_eq!(text(&witness.look("/vkey").unwrap()), format!("{}\n", witness.key));
}

#[test]
fn a_witness_that_knows_another_size_says_which() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    assert_conflict(&witness.ask(log.request(2, 5).to_string()).unwrap(), 0);
    witness.ask(log.request(0, 5).to_string()).unwrap();
    for (old, size) in [(0, 9), (4, 9), (6, 9), (0, 5), (0, 3), (3, 3)] {
        assert_conflict(&witness.ask(log.request(old, size).to_string()).unwrap(), 5);
    }
}

#[test]
fn a_fork_and_a_log_that_was_rolled_back_are_not_cosigned() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    witness.ask(log.request(0, 50).to_string()).unwrap();
    let fork = Log::branched(ORIGIN, 49, "another");
    assert_conflict(&witness.ask(fork.request(50, 50).to_string()).unwrap(), 50);
    assert_eq!(witness.ask(fork.request(50, 60).to_string()).unwrap().status(), 422);
    // Nor with the proof of the honest log, with none, or with one too many.
    let honest = log.request(50, 60);
    let proofs = [honest.proof().to_vec(), vec![], [honest.proof(), honest.proof()].concat()];
    for proof in proofs {
        let forged = AddCheckpoint::new(50, proof, fork.note(60)).unwrap();
        assert_eq!(witness.ask(forged.to_string()).unwrap().status(), 422);
    }
    assert_conflict(&witness.ask(log.request(0, 40).to_string()).unwrap(), 50);
    assert_conflict(&witness.ask(log.request(40, 40).to_string()).unwrap(), 50);
    let shrunk = AddCheckpoint::new(50, vec![], log.note(40)).unwrap();
    assert_eq!(witness.ask(shrunk.to_string()).unwrap().status(), 400);
    // And it goes on with the honest one.
    assert_cosigned(&witness, honest.note(), &witness.ask(honest.to_string()).unwrap());
}

#[test]
fn a_checkpoint_that_no_known_log_signed_is_not_cosigned() {
    let log = Log::new(ORIGIN, "common");
    let witness = Witness::start(&[log.key()]);
    let other = Log::new("other.example/0", "common");
    assert_eq!(witness.ask(other.request(0, 3).to_string()).unwrap().status(), 404);
    let foreign = SigningKey::from_seed(ORIGIN, &[9; 32]).unwrap();
    let note = log.checkpoint(3).sign(&foreign).unwrap();
    let request = AddCheckpoint::new(0, vec![], note).unwrap();
    assert_eq!(witness.ask(request.to_string()).unwrap().status(), 403);
    // A signature in the name of the log's key over another text.
    let mut note = Note::new(log.checkpoint(3).to_string()).unwrap();
    note.add(log.note(4).signatures()[0].clone()).unwrap();
    let request = AddCheckpoint::new(0, vec![], note).unwrap();
    assert_eq!(witness.ask(request.to_string()).unwrap().status(), 403);
    // Signatures of others beside the log's do no harm.
    let mut note = log.note(3);
    note.add(foreign.sign(note.text())).unwrap();
    let cosigner = CosigningKey::from_seed("another.example", &[9; 32]).unwrap();
    note.add(cosigner.sign(note.text(), 1_800_000_000).unwrap()).unwrap();
    let request = AddCheckpoint::new(0, vec![], note).unwrap();
    assert_cosigned(&witness, request.note(), &witness.ask(request.to_string()).unwrap());
}
