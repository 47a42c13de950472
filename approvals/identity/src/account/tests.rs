//! Tests of accounts, on files.

use super::*;
use crate::passkey::{Passkey, Used};
use std::os::unix::fs::PermissionsExt as _;

const HOUR: Duration = Duration::from_hours(1);

fn at(hours: u64) -> Timestamp {
    Timestamp::from_micros((480_000 + hours) * 3_600_000_000)
}

fn ada() -> Email {
    "ada@example.com".parse().unwrap()
}

fn invitation() -> Invitation {
    Invitation {
        email: ada(),
        name: "Ada".to_owned(),
        groups: BTreeSet::new(),
        roles: BTreeSet::from([Role::Administrator]),
    }
}

fn accounts() -> (tempfile::TempDir, Accounts) {
    let folder = tempfile::tempdir().unwrap();
    let accounts = Accounts::at(folder.path().join("people.json"));
    (folder, accounts)
}

#[test]
fn a_link_sets_one_password_once_which_signs_in() {
    let (_folder, accounts) = accounts();
    let link = accounts.invite(invitation(), at(0), HOUR).unwrap();
    assert!(matches!(accounts.sign_in("ada@example.com", ""), Err(SignInError::Wrong)));
    let short = accounts.set_password(&link, "short", at(0));
    assert!(matches!(short, Err(LinkError::Password(PasswordRefused::Short))));
    let profile = accounts.set_password(&link, "four words are long", at(0)).unwrap();
    assert_eq!(*profile.id, *"local:ada@example.com");
    let again = accounts.set_password(&link, "another one is longer", at(0));
    assert!(matches!(again, Err(LinkError::Invalid)));
    assert_eq!(accounts.sign_in(" ADA@example.com", "four words are long").unwrap(), profile);
    for (email, password) in [
        ("ada@example.com", "four words are lonG"),
        ("bob@example.com", "four words are long"),
        ("ada", "four words are long"),
    ] {
        let refused = accounts.sign_in(email, password);
        assert!(matches!(refused, Err(SignInError::Wrong)), "{email}");
    }
}

#[test]
fn a_link_ends_with_its_time_with_another_link_and_with_its_account() {
    let (_folder, accounts) = accounts();
    let first = accounts.invite(invitation(), at(0), HOUR).unwrap();
    assert!(accounts.whose_link(&first, at(0)).is_ok());
    assert!(matches!(accounts.whose_link(&first, at(1)), Err(LinkError::Invalid)));
    let second = accounts.renew_link(&ada(), at(0), HOUR).unwrap();
    assert!(matches!(accounts.whose_link(&first, at(0)), Err(LinkError::Invalid)));
    assert!(matches!(accounts.whose_link("", at(0)), Err(LinkError::Invalid)));
    assert!(accounts.whose_link(&second, at(0)).is_ok());
    accounts.set_disabled(&ada(), true).unwrap();
    accounts.set_disabled(&ada(), false).unwrap();
    assert!(matches!(accounts.whose_link(&second, at(0)), Err(LinkError::Invalid)));
}

#[test]
fn a_disabled_account_cannot_be_signed_in_to_and_is_nobody_now() {
    let (_folder, accounts) = accounts();
    let link = accounts.invite(invitation(), at(0), HOUR).unwrap();
    let profile = accounts.set_password(&link, "four words are long", at(0)).unwrap();
    let roles = BTreeSet::from([Role::Approver]);
    accounts.set_roles(&ada(), roles.clone(), BTreeSet::new()).unwrap();
    assert_eq!(accounts.current(&profile.id).unwrap().map(|profile| profile.roles), Some(roles));
    accounts.set_disabled(&ada(), true).unwrap();
    let refused = accounts.sign_in("ada@example.com", "four words are long");
    assert!(matches!(refused, Err(SignInError::Wrong)));
    assert_eq!(accounts.current(&profile.id).unwrap(), None);
}

#[test]
fn one_address_has_one_account() {
    let (_folder, accounts) = accounts();
    accounts.invite(invitation(), at(0), HOUR).unwrap();
    let again = accounts.invite(invitation(), at(0), HOUR);
    assert!(matches!(again, Err(AccountError::Exists(_))));
    let unknown = accounts.renew_link(&"bob@example.com".parse().unwrap(), at(0), HOUR);
    assert!(matches!(unknown, Err(AccountError::Unknown(_))));
}

#[test]
fn the_file_is_private_and_holds_neither_links_nor_passwords() {
    let (_folder, accounts) = accounts();
    let link = accounts.invite(invitation(), at(0), HOUR).unwrap();
    let before = std::fs::read_to_string(accounts.path()).unwrap();
    accounts.set_password(&link, "four words are long", at(0)).unwrap();
    let after = std::fs::read_to_string(accounts.path()).unwrap();
    assert!(!before.contains(&link) && !after.contains("four words"));
    let mode = std::fs::metadata(accounts.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(accounts.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(accounts.list().unwrap_err().to_string().contains("chmod 600"));
}

#[test]
fn a_broken_file_is_refused_and_left_as_it_is() {
    let (_folder, accounts) = accounts();
    accounts.invite(invitation(), at(0), HOUR).unwrap();
    let good = std::fs::read_to_string(accounts.path()).unwrap();
    for broken in [
        good.replace("\"version\": 1", "\"version\": 2"),
        good.replace("administrator", "owner"),
        good.replace("\"disabled\"", "\"disable\""),
        good.chars().take(good.len() / 2).collect(),
    ] {
        std::fs::write(accounts.path(), &broken).unwrap();
        assert!(matches!(accounts.list(), Err(AccountError::Broken { .. })));
        let refused = accounts.renew_link(&ada(), at(0), HOUR);
        assert!(matches!(refused, Err(AccountError::Broken { .. })));
        assert_eq!(std::fs::read_to_string(accounts.path()).unwrap(), broken);
    }
}

#[test]
fn of_many_who_use_a_link_at_once_one_sets_the_password_and_no_change_is_lost() {
    let (_folder, accounts) = accounts();
    let link = accounts.invite(invitation(), at(0), HOUR).unwrap();
    let set = std::thread::scope(|scope| {
        let tasks: Vec<_> = (0..6)
            .map(|index| {
                let (accounts, link) = (&accounts, &link);
                scope.spawn(move || {
                    let mut other = invitation();
                    other.email = format!("person-{index}@example.com").parse().unwrap();
                    accounts.invite(other, at(0), HOUR).unwrap();
                    let password = format!("four words are long {index}");
                    accounts.set_password(link, &password, at(0)).is_ok().then_some(password)
                })
            })
            .collect();
        tasks.into_iter().filter_map(|task| task.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(set.len(), 1);
    assert!(accounts.sign_in("ada@example.com", &set[0]).is_ok());
    assert_eq!(accounts.list().unwrap().len(), 7);
}

#[test]
fn a_passkey_is_one_person_s_and_its_count_goes_up() {
    let (_folder, accounts) = accounts();
    let (ada, bob) = (Arc::from("local:ada@example.com"), Arc::from("corp:bob"));
    let passkey = |credential: &str| Passkey {
        credential: credential.into(),
        key: String::new(),
        count: 3,
        name: "phone".to_owned(),
        added: at(0),
    };
    accounts.add_passkey(&ada, passkey("a")).unwrap();
    let twice = accounts.add_passkey(&bob, passkey("a"));
    assert!(matches!(twice, Err(AccountError::PasskeyExists)));
    let used = |count| Used { credential: "a".into(), count };
    accounts.passkey_used(&ada, &used(4)).unwrap();
    let again = accounts.passkey_used(&ada, &used(4));
    assert!(matches!(again, Err(AccountError::PasskeyCopied)));
    let others = accounts.passkey_used(&bob, &used(5));
    assert!(matches!(others, Err(AccountError::PasskeyUnknown(_))));
    assert_eq!(accounts.passkeys(&ada).unwrap()[0].count, 4);
    assert!(accounts.remove_passkey(&bob, "a").is_err());
    accounts.remove_passkey(&ada, "a").unwrap();
    assert_eq!(accounts.passkeys(&ada).unwrap(), []);
}
