//! Which keys a gateway starts with, and when it does not start.

use super::{PayloadKeysError, payload_keys};
use crate::config::{Config, PayloadKey, SecretRef};
use ledger::payload::{KeyEncryption as _, LocalKek};
use std::path::{Path, PathBuf};

fn config(data: &Path, named: &[&LocalKek]) -> Config {
    let mut config = Config { data: data.into(), ..Config::default() };
    let key = |kek: &&LocalKek| {
        let place = SecretRef::Env(format!("KEY_{}", kek.id()));
        PayloadKey { place, kek: LocalKek::clone(kek) }
    };
    config.ledger.payload_keys = named.iter().map(key).collect();
    config
}

fn ledger(data: &Path) -> PathBuf {
    let folder = data.join("ledger");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn key_file(data: &Path) -> PathBuf {
    data.join("keys/payloads.key")
}

fn refusal(config: &Config) -> String {
    let error = payload_keys(config, &ledger(&config.data)).unwrap_err();
    assert!(matches!(error, PayloadKeysError::Missing { .. }), "{error}");
    error.to_string()
}

#[test]
fn the_first_start_makes_a_key_and_later_ones_use_it() {
    let data = tempfile::tempdir().unwrap();
    let config = config(data.path(), &[]);
    let first = payload_keys(&config, &ledger(data.path())).unwrap();
    let text = std::fs::read(key_file(data.path())).unwrap();
    let second = payload_keys(&config, &ledger(data.path())).unwrap();
    assert_eq!((first.ids().len(), first.ids()), (1, second.ids()));
    assert_eq!(std::fs::read(key_file(data.path())).unwrap(), text);
}

#[test]
fn without_its_key_a_ledger_does_not_start_and_none_is_made() {
    let data = tempfile::tempdir().unwrap();
    let config = config(data.path(), &[]);
    let keys = payload_keys(&config, &ledger(data.path())).unwrap();
    let file = key_file(data.path());
    let away = data.path().join("away");
    std::fs::rename(&file, &away).unwrap();
    let told = refusal(&config);
    let expected = format!(
        "payloads of this ledger are encrypted under the key `{}`, which was in file `{}` and is \
         not here; put it back",
        keys.ids()[0],
        file.display()
    );
    assert!(told.starts_with(&expected), "{told}");
    assert!(!file.exists());
    std::fs::rename(&away, &file).unwrap();
    assert!(payload_keys(&config, &ledger(data.path())).is_ok());
}

#[test]
fn a_key_that_was_lost_can_be_given_up_by_hand() {
    let data = tempfile::tempdir().unwrap();
    let config = config(data.path(), &[]);
    payload_keys(&config, &ledger(data.path())).unwrap();
    std::fs::remove_file(key_file(data.path())).unwrap();
    assert!(refusal(&config).ends_with("/ledger/payload-keys`"));
    std::fs::write(data.path().join("ledger/payload-keys"), "").unwrap();
    assert!(payload_keys(&config, &ledger(data.path())).is_ok());
}

#[test]
fn after_a_rotation_the_former_key_is_needed_until_it_is_given_up() {
    let data = tempfile::tempdir().unwrap();
    let (old, new) = (LocalKek::new(&[1; 32]), LocalKek::new(&[2; 32]));
    let start =
        |named: &[&LocalKek]| payload_keys(&config(data.path(), named), &ledger(data.path()));
    assert_eq!(start(&[&old]).unwrap().ids(), [old.id()]);
    assert_eq!(start(&[&new, &old]).unwrap().ids().len(), 2);
    let told = refusal(&config(data.path(), &[&new]));
    assert!(told.contains(&format!("was in environment variable `KEY_{}`", old.id())), "{told}");
    assert!(!data.path().join("keys").exists());
}

#[test]
fn a_list_that_cannot_be_read_stops_the_start() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(ledger(data.path()).join("payload-keys"), "payloads.key\n").unwrap();
    let error = payload_keys(&config(data.path(), &[]), &ledger(data.path())).unwrap_err();
    let expected = "/payload-keys`: expected the id of a key: 16 hexadecimal digits";
    assert!(error.to_string().ends_with(expected), "{error}");
}
