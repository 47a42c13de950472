//! A witness cosigns what goes on from what it saw, and says why it does not.

use crate::forest::grown;
use tlog::{
    AddCheckpoint, CONSISTENCY_HASHES_MAX, Checkpoint, CosigningKey, Decision, Hash, Note,
    SigningKey, TreeHead, VerifierKey, WitnessError, consistency_proof, decide, parse_cosignatures,
    parse_size, verify_cosignature,
};

const ORIGIN: &str = "log.example/1";

fn log() -> SigningKey {
    SigningKey::from_seed(ORIGIN, &[1; 32]).unwrap()
}

fn keys() -> Vec<VerifierKey> {
    let other = SigningKey::from_seed("log.example/2", &[2; 32]).unwrap();
    vec![other.verifier().clone(), log().verifier().clone()]
}

fn head(size: u64) -> TreeHead {
    TreeHead { size, root: grown(size).0.root() }
}

fn note(head: TreeHead) -> Note {
    Checkpoint::new(ORIGIN, head.size, head.root).unwrap().sign(&log()).unwrap()
}

fn request(old: u64, new: u64) -> AddCheckpoint {
    let proof = consistency_proof(&grown(new).1, old, new).unwrap();
    AddCheckpoint::new(old, proof, note(head(new))).unwrap()
}

#[test]
fn a_witness_cosigns_whatever_goes_on_from_what_it_saw() {
    for (old, new) in [(0, 0), (0, 1), (0, 7), (1, 2), (3, 7), (7, 7), (8, 300), (256, 257)] {
        let stored = (old > 0).then(|| head(old));
        let decision = decide(&request(old, new), &keys(), stored);
        assert_eq!((decision, decision.status()), (Decision::Cosign(head(new)), 200));
    }
}

#[test]
fn the_answer_of_a_witness_completes_the_checkpoint() {
    let witness = CosigningKey::from_seed("w.example", &[9; 32]).unwrap();
    let request = request(3, 7);
    let answer = witness.sign(request.note().text(), 77).unwrap().to_string();
    let mut note = request.note().clone();
    for signature in parse_cosignatures(answer.as_bytes()).unwrap() {
        note.add(signature).unwrap();
    }
    assert_eq!(verify_cosignature(&note, witness.verifier()).unwrap(), 77);
    assert!(parse_cosignatures(b"").is_err());
    assert!(parse_cosignatures(b"\xff").is_err());
    assert!(parse_cosignatures(answer.trim_end().as_bytes()).is_err());
}

#[test]
fn an_unknown_log_is_not_found() {
    let decision = decide(&request(3, 7), keys().get(..1).unwrap(), Some(head(3)));
    assert_eq!((decision, decision.status()), (Decision::NotFound, 404));
}

#[test]
fn a_checkpoint_that_its_log_did_not_sign_is_forbidden() {
    let impostor = SigningKey::from_seed(ORIGIN, &[5; 32]).unwrap();
    let checkpoint = Checkpoint::new(ORIGIN, 7, head(7).root).unwrap();
    let note = checkpoint.sign(&impostor).unwrap();
    let decide = |note| {
        let proof = request(3, 7).proof().to_vec();
        decide(&AddCheckpoint::new(3, proof, note).unwrap(), &keys(), Some(head(3)))
    };
    assert_eq!((decide(note).status(), decide(self::note(head(7))).status()), (403, 200));
    let mut abused = self::note(head(7));
    abused.add(log().sign("another text\n")).unwrap();
    assert_eq!(decide(abused), Decision::Forbidden);
}

#[test]
fn an_old_size_beyond_the_checkpoint_is_a_bad_request() {
    let request = AddCheckpoint::new(8, Vec::new(), note(head(7))).unwrap();
    let decision = decide(&request, &keys(), Some(head(8)));
    assert_eq!((decision, decision.status()), (Decision::BadRequest, 400));
}

#[test]
fn another_old_size_than_the_stored_one_conflicts_and_the_stored_one_is_told() {
    for stored in [2, 5, 7, 300] {
        let decision = decide(&request(3, 7), &keys(), Some(head(stored)));
        assert_eq!((decision, decision.status()), (Decision::Conflict(stored), 409));
    }
    assert_eq!(decide(&request(3, 7), &keys(), None), Decision::Conflict(0));
    assert_eq!(decide(&request(0, 7), &keys(), Some(head(3))), Decision::Conflict(3));
    assert_eq!(parse_size(b"300\n").unwrap(), 300);
    for wrong in [b"300".as_slice(), b"\n", b"", b"03\n", b"3\n\n", b" 3\n", b"\xff\n"] {
        assert!(parse_size(wrong).is_err());
    }
}

#[test]
fn two_roots_of_one_size_conflict() {
    let forked = TreeHead { size: 7, root: Hash([1; 32]) };
    assert_eq!(decide(&request(7, 7), &keys(), Some(forked)), Decision::Conflict(7));
    let empty = AddCheckpoint::new(0, Vec::new(), note(TreeHead { size: 0, ..forked })).unwrap();
    assert_eq!(decide(&empty, &keys(), None), Decision::Conflict(0));
}

#[test]
fn a_tree_that_does_not_go_on_from_the_stored_one_is_not_cosigned() {
    let forked = TreeHead { size: 3, root: Hash([1; 32]) };
    let decision = decide(&request(3, 7), &keys(), Some(forked));
    assert_eq!((decision, decision.status()), (Decision::Unprocessable, 422));
    let with = |old, proof: &[Hash]| {
        let request = AddCheckpoint::new(old, proof.to_vec(), note(head(7))).unwrap();
        decide(&request, &keys(), (old > 0).then(|| head(old)))
    };
    assert_eq!(with(3, &[]), Decision::Unprocessable);
    assert_eq!(with(0, &[Hash([0; 32])]), Decision::Unprocessable);
    assert_eq!(with(7, &[Hash([0; 32])]), Decision::Unprocessable);
}

#[test]
fn a_request_is_read_as_it_was_written() {
    for (old, new) in [(0, 7), (3, 7), (256, 300)] {
        let request = request(old, new);
        let text = request.to_string();
        assert_eq!(AddCheckpoint::parse(text.as_bytes()).unwrap(), request);
        assert!(text.starts_with(&format!("old {old}\n")));
        assert_eq!((request.old(), request.checkpoint().size), (old, new));
    }
}

#[test]
fn the_request_of_the_specification_is_read() {
    let text = "\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
";
    let request = AddCheckpoint::parse(text.as_bytes()).unwrap();
    assert_eq!(request.to_string(), text);
    assert_eq!((request.old(), request.proof().len()), (20_852_014, 4));
    assert_eq!(request.note().signatures().len(), 2);
}

#[test]
fn what_is_not_a_request_is_refused_with_its_line() {
    let text = request(3, 7).to_string();
    let line =
        |from: &str, to: &str| match AddCheckpoint::parse(text.replacen(from, to, 1).as_bytes()) {
            Err(WitnessError::Line { line, .. }) => line,
            other => panic!("{to}: {other:?}"),
        };
    assert_eq!(line("old 3", "old 03"), 1);
    assert_eq!(line("old 3", "old  3"), 1);
    assert_eq!(line("old 3\n", ""), 1);
    assert_eq!(line("old 3", "old 3\nAAAA"), 2);
    assert_eq!(line("\n\n", "\n"), 6);
    let hashes = format!("old 3\n{}", format!("{}\n", Hash([0; 32])).repeat(64));
    assert_eq!(line("old 3\n", &hashes), CONSISTENCY_HASHES_MAX + 2);
    let no_end = AddCheckpoint::parse(b"old 3\n");
    assert!(matches!(no_end, Err(WitnessError::Line { line: 1, .. })));
    let unsigned = AddCheckpoint::parse(b"old 0\n\nlog.example/1\n0\n");
    assert!(matches!(unsigned, Err(WitnessError::Note(_))));
    let other = AddCheckpoint::parse("old 0\n\nno checkpoint\n\n— n AAAAAAA=\n".as_bytes());
    assert!(matches!(other, Err(WitnessError::Checkpoint(_))));
    let bytes = tlog::REQUEST_BYTES_MAX + 1;
    assert_eq!(AddCheckpoint::parse(&vec![b'o'; bytes]), Err(WitnessError::TooLong { bytes }));
}
