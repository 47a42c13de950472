//! What key files are.

use super::super::{KeyEncryption as _, new_key_text, read_key_file, read_key_folder};

#[test]
fn a_new_key_is_read_from_its_file_and_found_among_other_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payloads.key");
    assert!(read_key_file(&path).unwrap().is_none());
    let text = new_key_text().unwrap();
    assert!(text.len() == 65 && text.ends_with('\n'), "{} bytes", text.len());
    std::fs::write(&path, text).unwrap();
    std::fs::write(folder.path().join("payloads-former.key"), new_key_text().unwrap()).unwrap();
    for other in ["checkpoints.key", "payloads.next"] {
        std::fs::write(folder.path().join(other), "something else").unwrap();
    }
    let id = read_key_file(&path).unwrap().unwrap().id();
    let found: Vec<_> = read_key_folder(folder.path()).unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.iter().any(|kek| kek.id() == id));
    assert!(read_key_folder(&folder.path().join("none")).unwrap().is_empty());
}

#[test]
fn a_file_that_holds_no_key_is_named_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payloads.key");
    for text in ["", "sesame", &"0".repeat(63), &"0".repeat(66), &"+1".repeat(32)] {
        std::fs::write(&path, text).unwrap();
        let error = read_key_file(&path).unwrap_err().to_string();
        let expected = "payloads.key` is no key file: expected a key of 64 hexadecimal digits";
        assert!(error.ends_with(expected), "{error}");
    }
}
