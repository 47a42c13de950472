//! Whatever strangers send is read or refused, and never read as something else.

use crate::forest::cases;
use proptest::prelude::*;
use tlog::{
    AddCheckpoint, BundleId, Checkpoint, Hash, Note, NoteSignature, Policy, TileId, TlogProof,
    VerifierKey, bundle_entries, parse_cosignatures, parse_size,
};

/// Fails if a text is still accepted with any one bit flipped, or byte removed, or added.
#[track_caller]
pub(crate) fn assert_every_change_matters(text: &[u8], accepts: impl Fn(&[u8]) -> bool) {
    assert!(accepts(text));
    for place in 0..text.len() {
        for bit in 0..8 {
            let mut changed = text.to_vec();
            *changed.get_mut(place).unwrap() ^= 1 << bit;
            assert!(!accepts(&changed), "bit {bit} of byte {place} does not matter");
        }
        let mut shorter = text.to_vec();
        let byte = shorter.remove(place);
        assert!(!accepts(&shorter), "byte {place} does not matter");
        let mut longer = text.to_vec();
        longer.insert(place, byte);
        assert!(!accepts(&longer), "a second byte {place} does not matter");
    }
}

/// Gives the text to every parser. What a parser accepts must be written again as it was.
fn read_all(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
    }
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(proof.to_string().as_bytes(), bytes);
    }
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(request.to_string().as_bytes(), bytes);
    }
    if let Ok(signatures) = parse_cosignatures(bytes) {
        let lines: String = signatures.iter().map(NoteSignature::to_string).collect();
        assert_eq!(lines.as_bytes(), bytes);
    }
    if let Ok(size) = parse_size(bytes) {
        assert_eq!(format!("{size}\n").as_bytes(), bytes);
    }
    if let Ok(policy) = Policy::parse(bytes) {
        assert!(policy.logs().len() < bytes.len());
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(checkpoint) = text.parse::<Checkpoint>() {
        assert_eq!(checkpoint.to_string(), text);
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(hash) = text.parse::<Hash>() {
        assert_eq!(hash.to_string(), text);
    }
    if let Ok(tile) = TileId::parse(&text) {
        assert_eq!(tile.path(), text);
    }
    if let Ok(bundle) = BundleId::parse(&text) {
        assert_eq!(bundle.path(), text);
    }
}

/// Pieces of all formats, from which texts are made that are nearly right.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("old 3\n".to_owned()),
        Just("index 3\n".to_owned()),
        Just("extra AAAA\n".to_owned()),
        Just("c2sp.org/tlog-proof@v1\n".to_owned()),
        Just("log.example\n7\n".to_owned()),
        Just("\u{2014} n AAAAAAA=\n".to_owned()),
        Just("n+00000000+AQAA".to_owned()),
        Just("group g any none\nquorum none\n".to_owned()),
        Just("log ".to_owned()),
        Just("tile/0/x001/".to_owned()),
        any::<[u8; 32]>().prop_map(|bytes| format!("{}\n", Hash(bytes))),
        "[0-9]{1,20}\n?",
        "\\PC{0,8}",
    ]
}

#[test]
fn a_hash_is_read_as_it_was_written_and_from_nothing_else() {
    let text = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    assert_eq!(tlog::empty_root().to_string(), text);
    assert_eq!(text.parse(), Ok(tlog::empty_root()));
    for wrong in ["", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", &text.replace('+', "-")] {
        assert!(wrong.parse::<Hash>().is_err(), "{wrong}");
    }
    // The last digit before the padding has bits that no byte uses.
    assert!(text.replace("FU=", "FV=").parse::<Hash>().is_err());
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn any_text_that_is_nearly_right_is_read_or_refused(
        pieces in prop::collection::vec(piece(), 0..12),
    ) {
        read_all(pieces.concat().as_bytes());
    }

    #[test]
    fn any_bytes_are_a_bundle_or_are_refused_once(
        bytes in prop::collection::vec(0_u8..4, 0..300),
        width in 0_u16..=256,
    ) {
        let read: Vec<_> = bundle_entries(&bytes, width).collect();
        prop_assert!(read.len() <= usize::from(width) + 1);
        prop_assert!(read.iter().filter(|entry| entry.is_err()).count() <= 1);
        let whole: Result<Vec<&[u8]>, _> = read.into_iter().collect();
        if let Ok(entries) = whole {
            prop_assert_eq!(entries.len(), usize::from(width));
            let mut again = Vec::new();
            for entry in entries {
                tlog::bundle_push(&mut again, entry).unwrap();
            }
            prop_assert_eq!(again, bytes);
        }
    }
}
