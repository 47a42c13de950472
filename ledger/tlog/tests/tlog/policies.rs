//! A policy accepts what the quorum saw, and a proof file proves by a policy alone.

use crate::forest::{entry, grown};
use crate::strangers::assert_every_change_matters;
use tlog::{
    Checkpoint, CosigningKey, Hash, Note, Policy, Problem, Refusal, SigningKey, TlogProof,
    TlogProofError, inclusion_proof,
};

fn log(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, &[seed; 32]).unwrap()
}

fn witness(number: u8) -> CosigningKey {
    CosigningKey::from_seed(&format!("w{number}.example"), &[100 + number; 32]).unwrap()
}

/// The two groups of the specification's example, with one witness of another name.
fn file() -> String {
    let (new, old) = (log("log.example", 1), log("log.example", 2));
    let logs = format!("log {}\n  log\t{} https://old.example/", new.verifier(), old.verifier());
    let line = |number| format!("witness W{number} {}\n", witness(number).verifier());
    let witnesses: String = (1..=6).map(line).collect();
    let groups = "group X 2 W1 W2 W3\ngroup Y any W4 W5\n# W6 is known and counts for nothing\n\
        group X-and-Y all X Y\n quorum X-and-Y \n";
    format!("# logs\n{logs}\n\n{witnesses}{groups}")
}

fn policy() -> Policy {
    Policy::parse(file().as_bytes()).unwrap()
}

fn signed(log: &SigningKey, cosigned_by: &[u8]) -> Note {
    let checkpoint = Checkpoint::new(log.verifier().name(), 9, Hash([5; 32])).unwrap();
    let mut note = checkpoint.sign(log).unwrap();
    for number in cosigned_by {
        let time = 1000 + u64::from(*number);
        note.add(witness(*number).sign(note.text(), time).unwrap()).unwrap();
    }
    note
}

#[test]
fn a_checkpoint_is_accepted_if_and_only_if_a_quorum_cosigned_it() {
    let policy = policy();
    for chosen in 0_u8..64 {
        let numbers: Vec<u8> = (1..=6).filter(|number| chosen >> (number - 1) & 1 == 1).collect();
        let of = |group: &[u8]| numbers.iter().filter(|number| group.contains(number)).count();
        let quorum = of(&[1, 2, 3]) >= 2 && of(&[4, 5]) >= 1;
        let checked = policy.check(&signed(&log("log.example", 1), &numbers));
        let names = |number: &u8| format!("W{number}");
        match checked {
            Ok(accepted) => {
                assert!(quorum, "{numbers:?}");
                assert_eq!(
                    (accepted.checkpoint.size, accepted.checkpoint.root),
                    (9, Hash([5; 32]))
                );
                let expected =
                    numbers.iter().map(|number| (names(number), 1000 + u64::from(*number)));
                assert_eq!(accepted.cosigned_by, expected.collect::<Vec<_>>());
            }
            Err(refusal) => {
                let cosigned_by = numbers.iter().map(names).collect();
                assert_eq!(refusal, Refusal::NoQuorum { cosigned_by });
                assert!(!quorum, "{numbers:?}");
            }
        }
    }
}

#[test]
fn any_log_of_the_policy_may_sign_and_no_other() {
    let policy = policy();
    assert!(policy.check(&signed(&log("log.example", 2), &[1, 2, 4])).is_ok());
    let stranger = policy.check(&signed(&log("log.example", 3), &[1, 2, 4])).unwrap_err();
    assert!(stranger.to_string().starts_with("no signature is by the key `log.example+"));
    let unknown = policy.check(&signed(&log("x.example", 1), &[1, 2, 4])).unwrap_err();
    assert_eq!(unknown.to_string(), "the policy knows no log `x.example`");
}

#[test]
fn a_wrong_signature_of_a_known_key_refuses_even_a_quorum() {
    let mut note = signed(&log("log.example", 1), &[1, 2, 3, 4]);
    note.add(witness(6).sign("another text\n", 1).unwrap()).unwrap();
    assert!(matches!(policy().check(&note), Err(Refusal::Cosignature(_))));
    let mut note = signed(&log("log.example", 1), &[1, 2, 3, 4]);
    note.add(log("log.example", 2).sign("another text\n")).unwrap();
    assert!(matches!(policy().check(&note), Err(Refusal::Checkpoint(_))));
}

#[test]
fn without_a_quorum_the_log_alone_is_enough() {
    let file = format!("log {}\nquorum none", log("log.example", 1).verifier());
    let policy = Policy::parse(file.as_bytes()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().len()), (1, 0));
    let accepted = policy.check(&signed(&log("log.example", 1), &[1])).unwrap();
    assert_eq!(accepted.cosigned_by, []);
    let single = format!("{}quorum W1", file.replace("quorum none", ""));
    assert_eq!(Policy::parse(single.as_bytes()).unwrap_err().line, 2);
}

#[test]
fn what_is_wrong_with_a_policy_is_told_with_its_line() {
    let (one, two) = (witness(1).verifier().clone(), witness(2).verifier().clone());
    let log = log("log.example", 1).verifier().clone();
    let base = format!("witness A {one}\nwitness B {two}\n");
    let wrong = |more: &str| {
        let error = Policy::parse(format!("{base}{more}\nquorum none\n").as_bytes()).unwrap_err();
        assert_eq!(error.line, 3, "{more}: {error}");
        error.problem
    };
    assert_eq!(wrong("witnesses"), Problem::Form);
    assert_eq!(wrong("log"), Problem::Form);
    assert_eq!(wrong("group G any"), Problem::Threshold);
    assert_eq!(wrong("group G"), Problem::Form);
    assert_eq!(wrong("Quorum A"), Problem::Form);
    assert_eq!(wrong("quorum A B"), Problem::Form);
    assert_eq!(wrong(&format!("log {log} url more")), Problem::Form);
    assert_eq!(wrong(&format!("log {one}")), Problem::KeyKind);
    assert_eq!(wrong(&format!("witness C {log}")), Problem::KeyKind);
    assert!(matches!(wrong("log x"), Problem::Key(_)));
    assert_eq!(wrong(&format!("witness C {one}")), Problem::DuplicateKey);
    let three = witness(3).verifier().clone();
    assert_eq!(wrong(&format!("witness A {three}")), Problem::DuplicateName("A".to_owned()));
    assert_eq!(wrong(&format!("witness none {three}")), Problem::DuplicateName("none".to_owned()));
    assert_eq!(wrong("group A any B"), Problem::DuplicateName("A".to_owned()));
    assert_eq!(wrong("group G any C"), Problem::UnknownName("C".to_owned()));
    assert_eq!(wrong("group G any none"), Problem::UnknownName("none".to_owned()));
    assert_eq!(wrong("group G any G"), Problem::UnknownName("G".to_owned()));
    assert_eq!(wrong("group G 2 A A"), Problem::DuplicateMember("A".to_owned()));
    for threshold in ["0", "3", "02", "-1", "most", "18446744073709551616"] {
        assert_eq!(wrong(&format!("group G {threshold} A B")), Problem::Threshold, "{threshold}");
    }
    assert_eq!(wrong("quorum C"), Problem::UnknownName("C".to_owned()));
    assert_eq!(wrong("# \r"), Problem::Characters);
    let last = |file: &[u8]| Policy::parse(file).unwrap_err();
    let twice = last(format!("{base}quorum A\nquorum B\n").as_bytes());
    assert_eq!((twice.line, twice.problem), (4, Problem::Quorum));
    let never = last(base.as_bytes());
    assert_eq!((never.line, never.problem), (2, Problem::Quorum));
    assert_eq!(last(b"").problem, Problem::Quorum);
    assert_eq!(last(b"# \xff").problem, Problem::Characters);
    let twice = format!("{base}group G any A\ngroup H any A B\nquorum H\n");
    assert_eq!(last(twice.as_bytes()).problem, Problem::DuplicateMember("A".to_owned()));
    assert_eq!(last(&vec![b'\n'; tlog::POLICY_BYTES_MAX + 1]).problem, Problem::TooLong);
}

#[test]
fn the_urls_and_names_of_a_policy_are_told() {
    let policy = policy();
    let urls: Vec<_> = policy.logs().iter().map(|log| log.url.as_deref()).collect();
    assert_eq!(urls, [None, Some("https://old.example/")]);
    let names: Vec<_> = policy.witnesses().iter().map(|witness| witness.name.as_str()).collect();
    assert_eq!(names, ["W1", "W2", "W3", "W4", "W5", "W6"]);
}

/// The proof of entry 3 of 9 by the log of the policy, cosigned by a quorum.
fn proof() -> TlogProof {
    let (tree, tiles) = grown(9);
    let log = log("log.example", 1);
    let checkpoint = Checkpoint::new("log.example", 9, tree.root()).unwrap();
    let mut note = checkpoint.sign(&log).unwrap();
    for number in [1, 3, 5] {
        note.add(witness(number).sign(note.text(), 7).unwrap()).unwrap();
    }
    let hashes = inclusion_proof(&tiles, 3, 9).unwrap();
    TlogProof { extra: None, index: 3, hashes, checkpoint: note }
}

#[test]
fn a_proof_file_proves_its_entry_and_no_other() {
    let proof = proof();
    let text = proof.to_string();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 3\n"));
    let read = TlogProof::parse(text.as_bytes()).unwrap();
    assert_eq!(read, proof);
    let accepted = read.verify(&entry(3), &policy()).unwrap();
    assert_eq!(accepted.checkpoint.size, 9);
    assert!(matches!(read.verify(&entry(4), &policy()), Err(TlogProofError::Proof(_))));
    let elsewhere = TlogProof { index: 2, ..proof.clone() };
    assert!(matches!(elsewhere.verify(&entry(3), &policy()), Err(TlogProofError::Proof(_))));
    let extra = TlogProof { extra: Some(b"for you".to_vec()), ..proof };
    assert!(extra.to_string().contains("v1\nextra Zm9yIHlvdQ==\nindex 3\n"));
    assert_eq!(TlogProof::parse(extra.to_string().as_bytes()).unwrap(), extra);
}

#[test]
fn no_changed_byte_of_a_proof_file_is_accepted() {
    let (policy, entry) = (policy(), entry(3));
    // Of cosignatures no quorum needs, another name makes that of an unknown key: these three are.
    assert_every_change_matters(proof().to_string().as_bytes(), |changed| {
        TlogProof::parse(changed).is_ok_and(|proof| proof.verify(&entry, &policy).is_ok())
    });
}

#[test]
fn a_proof_file_that_could_be_written_otherwise_is_refused() {
    let text = proof().to_string();
    let hash = tlog::empty_root();
    let line = |from: &str, to: &str| match TlogProof::parse(text.replacen(from, to, 1).as_bytes())
    {
        Err(TlogProofError::Line { line, .. }) => line,
        other => panic!("{to}: {other:?}"),
    };
    assert_eq!(line("@v1", "@v2"), 1);
    assert_eq!(line("\n\n", "\n"), 7);
    assert_eq!(line("index 3", "index 03"), 2);
    assert_eq!(line("index 3", "Index 3"), 2);
    assert_eq!(line("index 3\n", ""), 2);
    assert_eq!(line("index 3", "index 3\nindex 3"), 3);
    assert_eq!(line("index 3", "extra !\nindex 3"), 2);
    assert_eq!(line("index 3", "extra AA==\nextra AA==\nindex 3"), 3);
    assert_eq!(line("index 3", &format!("extra {}\nindex 3", "AAAA".repeat(1 << 15))), 2);
    let many = format!("index 3\n{}", format!("{hash}\n").repeat(64));
    assert!(line("index 3\n", &many) > 64);
    let no_end = TlogProof::parse(b"c2sp.org/tlog-proof@v1\nindex 3\n");
    assert!(matches!(no_end, Err(TlogProofError::Line { line: 1, .. })));
    let no_checkpoint = TlogProof::parse(b"c2sp.org/tlog-proof@v1\nindex 3\n\n");
    assert!(matches!(no_checkpoint, Err(TlogProofError::Note(_))));
    let bytes = tlog::PROOF_BYTES_MAX + 1;
    assert_eq!(TlogProof::parse(&vec![0; bytes]), Err(TlogProofError::TooLong { bytes }));
}
