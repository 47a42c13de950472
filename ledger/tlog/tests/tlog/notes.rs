//! Notes, keys, checkpoints and cosignatures, byte by byte as others write them.

use crate::strangers::assert_every_change_matters;
use tlog::{
    Checkpoint, CheckpointError, CosigningKey, Hash, KeyError, KeyKind, NOTE_BYTES_MAX, Note,
    NoteError, NoteSignature, SIGNATURES_MAX, SignatureError, SigningKey, TIME_MAX, VerifierKey,
    verify_cosignature,
};

/// The key, seed and note in the documentation and tests of Go's package `note`.
const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const GO_SEED: [u8; 32] = [
    129, 10, 20, 2, 213, 20, 108, 141, 132, 242, 68, 51, 48, 245, 64, 128, 235, 249, 142, 225, 125,
    156, 116, 246, 37, 47, 197, 213, 199, 40, 49, 115,
];
const GO_NOTE: &str = "\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
";

/// The checkpoint in the specification, signed with the seeds 7 and 8 by another implementation.
const CHECKPOINT: &str = "\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa JSt00p6KTYtH8opAMF2NJ7glHT4uHMzg9iBNNDYLQta3PzLlhUjMPmDAXA2L1DXjWfKrvjQJdIEVj9Tiu9f35PqL5g8=
— witness.example.com/w1 lYIDPAAAAABkGFDL3zfNz0s4H1tr7Roq5F6IqfkQ0k3PY4CJLE5G4rmDqn7FHt52UoeOd5YRq5ihPFwQPId93UDmDJlfrte+Eg4yCw==
";
const LOG: &str = "example.com/behind-the-sofa";
const LOG_KEY: &str =
    "example.com/behind-the-sofa+252b74d2+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";
const WITNESS: &str = "witness.example.com/w1";
const WITNESS_KEY: &str =
    "witness.example.com/w1+9582033c+BBOY9ixtGkV8UbpqS189vS9p/KkyFiGNyJl+QWvRfZPK";
const TIME: u64 = 1_679_315_147;

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

#[test]
fn the_note_of_another_implementation_is_read_verified_and_signed_in_the_same_bytes() {
    let note = Note::parse(GO_NOTE.as_bytes()).unwrap();
    assert_eq!(note.to_string(), GO_NOTE);
    note.verify(&key(GO_KEY)).unwrap();
    let signer = SigningKey::from_seed("PeterNeumann", &GO_SEED).unwrap();
    assert_eq!(signer.verifier().to_string(), GO_KEY);
    let mut ours = Note::new(note.text().to_owned()).unwrap();
    ours.add(signer.sign(ours.text())).unwrap();
    assert_eq!(ours.to_string(), GO_NOTE);
}

#[test]
fn the_checkpoint_and_cosignature_of_another_implementation_are_made_in_the_same_bytes() {
    let log = SigningKey::from_seed(LOG, &[7; 32]).unwrap();
    let witness = CosigningKey::from_seed(WITNESS, &[8; 32]).unwrap();
    assert_eq!(log.verifier().to_string(), LOG_KEY);
    assert_eq!(witness.verifier().to_string(), WITNESS_KEY);
    assert_eq!(
        (key(LOG_KEY).kind(), key(WITNESS_KEY).kind()),
        (KeyKind::Note, KeyKind::Cosignature)
    );
    let root: Hash = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=".parse().unwrap();
    let checkpoint = Checkpoint::new(LOG, 20_852_163, root).unwrap();
    let mut note = checkpoint.sign(&log).unwrap();
    let cosignature = witness.sign(note.text(), TIME).unwrap();
    note.add(cosignature.clone()).unwrap();
    note.add(cosignature).unwrap();
    assert_eq!(note.to_string(), CHECKPOINT);
    let read = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    assert_eq!(Checkpoint::verify(&read, log.verifier()).unwrap(), checkpoint);
    assert_eq!(verify_cosignature(&read, witness.verifier()).unwrap(), TIME);
}

#[test]
fn no_changed_byte_of_a_signed_checkpoint_is_accepted() {
    let (log, witness) = (key(LOG_KEY), key(WITNESS_KEY));
    assert_every_change_matters(CHECKPOINT.as_bytes(), |changed| {
        Note::parse(changed).is_ok_and(|note| {
            Checkpoint::verify(&note, &log).is_ok() && verify_cosignature(&note, &witness).is_ok()
        })
    });
}

#[test]
fn a_key_is_not_read_from_part_of_its_text_or_with_a_changed_byte() {
    let text = GO_KEY;
    for start in 0..text.len() {
        for end in start..=text.len() {
            let part = text.get(start..end).unwrap();
            assert!(part == text || part.parse::<VerifierKey>().is_err(), "{part}");
        }
    }
    assert_every_change_matters(text.as_bytes(), |changed| {
        std::str::from_utf8(changed).is_ok_and(|changed| changed.parse::<VerifierKey>().is_ok())
    });
    let refused = |text: &str| text.parse::<VerifierKey>().unwrap_err();
    assert_eq!(refused("n+00000000+AgAA"), KeyError::Kind(2));
    assert_eq!(refused("n+00000000+AQAA"), KeyError::Key);
    assert_eq!(refused("n+00000000+"), KeyError::Form);
    assert_eq!(refused(&GO_KEY.replace("c74f20a3", "C74F20A3")), KeyError::Form);
    assert_eq!(refused(&GO_KEY.replace("c74f20a3", "c74f20a4")), KeyError::Id);
    assert_eq!(refused(&format!("n+00000000+{}", "A".repeat(1 << 20))), KeyError::Form);
}

#[test]
fn a_name_has_no_spaces_plus_or_control_characters() {
    for name in ["", " ", "a b", "a\u{a0}b", "a\u{2003}", "a+b", "a\n", "\u{7f}", &"n".repeat(256)]
    {
        assert_eq!(SigningKey::from_seed(name, &[1; 32]).unwrap_err(), KeyError::Name, "{name:?}");
        assert!(Checkpoint::new(name, 0, tlog::empty_root()).is_err(), "{name:?}");
    }
    for name in ["a", "example.com/a/0", "quasimodo.example/è", &"n".repeat(255)] {
        let key = SigningKey::from_seed(name, &[1; 32]).unwrap();
        assert_eq!(&self::key(&key.verifier().to_string()), key.verifier());
    }
}

#[test]
fn no_secret_is_shown() {
    let key = SigningKey::from_seed(LOG, &[7; 32]).unwrap();
    assert_eq!(format!("{key:?}"), format!("SigningKey(KeyPair({LOG_KEY}))"));
}

#[test]
fn signatures_of_unknown_keys_are_ignored_and_wrong_ones_of_known_keys_refuse_the_note() {
    let signer = SigningKey::from_seed(LOG, &[7; 32]).unwrap();
    let other = SigningKey::from_seed(LOG, &[9; 32]).unwrap();
    let mut note = Note::new("a text\n\nof two paragraphs\n".to_owned()).unwrap();
    assert_eq!(
        note.verify(signer.verifier()),
        Err(SignatureError::Missing { key: LOG_KEY.to_owned() })
    );
    let unknown = NoteSignature { bytes: vec![1], ..other.sign("another text\n") };
    note.add(unknown).unwrap();
    assert!(note.verify(signer.verifier()).is_err());
    note.add(signer.sign(note.text())).unwrap();
    note.verify(signer.verifier()).unwrap();
    assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note);
    note.add(signer.sign("another text\n")).unwrap();
    assert_eq!(
        note.verify(signer.verifier()),
        Err(SignatureError::Wrong { key: LOG_KEY.to_owned() })
    );
}

#[test]
fn a_key_verifies_only_what_it_is_for() {
    let note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    assert!(matches!(note.verify(&key(WITNESS_KEY)), Err(SignatureError::Kind { .. })));
    let cosigned = verify_cosignature(&note, &key(LOG_KEY));
    assert!(matches!(cosigned, Err(SignatureError::Kind { .. })));
    let other = SigningKey::from_seed("example.com/other", &[7; 32]).unwrap();
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    assert!(matches!(checkpoint.sign(&other), Err(CheckpointError::OtherLog { .. })));
    let mut signed = Note::new(note.text().to_owned()).unwrap();
    signed.add(other.sign(note.text())).unwrap();
    let verified = Checkpoint::verify(&signed, other.verifier());
    assert!(matches!(verified, Err(CheckpointError::OtherLog { .. })));
}

#[test]
fn of_several_cosignatures_the_latest_time_counts_and_a_wrong_one_refuses() {
    let witness = CosigningKey::from_seed(WITNESS, &[8; 32]).unwrap();
    let mut note = Note::parse(CHECKPOINT.as_bytes()).unwrap();
    for time in [TIME + 5, 0, TIME_MAX] {
        note.add(witness.sign(note.text(), time).unwrap()).unwrap();
    }
    assert_eq!(verify_cosignature(&note, witness.verifier()).unwrap(), TIME_MAX);
    let beyond = witness.sign(note.text(), TIME_MAX + 1);
    assert_eq!(beyond, Err(CheckpointError::Time(TIME_MAX + 1)));
    let mut early = witness.sign(note.text(), 1).unwrap();
    early.bytes[7] = 2;
    note.add(early).unwrap();
    let refused = verify_cosignature(&note, witness.verifier());
    assert_eq!(refused, Err(SignatureError::Wrong { key: WITNESS_KEY.to_owned() }));
}

#[test]
fn what_is_not_a_note_is_refused_with_the_reason() {
    let line = "— n AAAAAAA=\n";
    let refused = |note: &str| Note::parse(note.as_bytes()).unwrap_err();
    assert!(Note::parse(format!("\n\n{line}").as_bytes()).is_ok());
    assert_eq!(refused(""), NoteError::Unsigned);
    assert_eq!(refused("a\n"), NoteError::Unsigned);
    assert_eq!(refused("a\n\n"), NoteError::Unsigned);
    assert_eq!(refused(&format!("a\n{line}")), NoteError::Unsigned);
    assert_eq!(refused(&format!("a\r\n\n{line}")), NoteError::Characters);
    assert_eq!(refused(&format!("\0\n\n{line}")), NoteError::Characters);
    assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::Characters));
    let signed = |lines: &str| refused(&format!("a\n\n{lines}"));
    for wrong in ["— n AAAAAAA=", "- n AAAAAAA=\n", "—n AAAAAAA=\n", "— n\n", "— n AAAAAA==\n"]
    {
        assert_eq!(signed(wrong), NoteError::Signature { line: 1 }, "{wrong}");
    }
    for wrong in
        ["— n  AAAAAAA=\n", "—  AAAAAAA=\n", "— n AAAAAAA\n", "— n AAAAAAB=\n", "— n+ AAAAAAA=\n"]
    {
        let lines = format!("{line}{wrong}");
        assert_eq!(signed(&lines), NoteError::Signature { line: 2 }, "{wrong}");
    }
    assert_eq!(signed(&line.repeat(SIGNATURES_MAX + 1)), NoteError::TooManySignatures);
    assert!(Note::parse(format!("a\n\n{}", line.repeat(SIGNATURES_MAX)).as_bytes()).is_ok());
    let bytes = NOTE_BYTES_MAX + 1;
    assert_eq!(refused(&"a".repeat(bytes)), NoteError::TooLong { bytes });
    assert_eq!(Note::new("a".to_owned()), Err(NoteError::Unterminated));
    let mut full = Note::new("a\n".to_owned()).unwrap();
    for number in 0..SIGNATURES_MAX {
        let bytes = number.to_be_bytes().to_vec();
        full.add(NoteSignature { name: "n".to_owned(), key_id: [0; 4], bytes }).unwrap();
    }
    let more = NoteSignature { name: "n".to_owned(), key_id: [1; 4], bytes: vec![0] };
    assert_eq!(full.add(more), Err(NoteError::TooManySignatures));
}

#[test]
fn no_signature_is_added_that_makes_a_note_unreadable() {
    let mut note = Note::new("a\n".to_owned()).unwrap();
    let signature = |name: &str, bytes| NoteSignature {
        name: name.to_owned(),
        key_id: [0; 4],
        bytes: vec![0; bytes],
    };
    for name in ["", "n\n\u{2014} m AAAAAAA=\n", "n m"] {
        assert_eq!(note.add(signature(name, 1)), Err(NoteError::Signature { line: 1 }), "{name:?}");
    }
    assert_eq!(note.add(signature("n", 0)), Err(NoteError::Signature { line: 1 }));
    assert!(matches!(note.add(signature("n", 1 << 20)), Err(NoteError::TooLong { .. })));
    assert_eq!(note.signatures(), []);
    note.add(signature("n", 700_000)).unwrap();
    assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note);
}

#[test]
fn what_is_not_a_checkpoint_is_refused_with_its_line() {
    let root = tlog::empty_root();
    let line = |text: &str| match text.parse::<Checkpoint>() {
        Err(CheckpointError::Line { line, .. }) => line,
        other => panic!("{other:?}"),
    };
    assert_eq!(line(""), 1);
    assert_eq!(line(&format!("\n0\n{root}\n")), 1);
    for size in ["", "00", "01", "-1", "+1", " 1", "1 ", "0x1", "18446744073709551616", "٣"] {
        assert_eq!(line(&format!("log\n{size}\n{root}\n")), 2, "{size}");
    }
    for root in ["", "AAAA", &root.to_string().replace('=', ""), &format!(" {root}")] {
        assert_eq!(line(&format!("log\n0\n{root}\n")), 3, "{root}");
    }
    assert_eq!(line(&format!("log\n0\n{root}")), 3);
    assert_eq!(line(&format!("log\n0\n{root}\n\n")), 4);
    let text = format!("log of spaces\n18446744073709551615\n{root}\none\ntwo\n");
    let checkpoint: Checkpoint = text.parse().unwrap();
    assert_eq!((checkpoint.size, checkpoint.extensions.len()), (u64::MAX, 2));
    assert_eq!(checkpoint.to_string(), text);
}
