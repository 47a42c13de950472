//! What key files are, and what is never done to them.

use super::super::{KeyEncryption as _, create_key_file, read_key_file, read_key_folder};
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn a_key_file_is_made_once_for_its_owner_alone_and_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys/payloads.key");
    assert!(read_key_file(&path).unwrap().is_none());
    let made = create_key_file(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.len() == 65 && text.ends_with('\n'), "{} bytes", text.len());
    assert_eq!(read_key_file(&path).unwrap().unwrap().id(), made.id());
    assert!(create_key_file(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_crash_while_a_key_file_is_made_leaves_none_and_the_next_start_makes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("payloads.key");
    std::fs::write(path.with_extension("unfinished"), "01").unwrap();
    assert!(read_key_folder(folder.path()).unwrap().is_empty());
    let made = create_key_file(&path).unwrap();
    assert_eq!(read_key_folder(folder.path()).unwrap(), [made]);
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
