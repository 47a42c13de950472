//! The passkeys that people have registered, of accounts here and of people from providers.

use super::store::{People, change, read};
use super::{AccountError, Accounts};
use crate::passkey::{Passkey, Used, goes_on};
use std::sync::Arc;

impl Accounts {
    /// The passkeys of the person with this id.
    pub fn passkeys(&self, person: &str) -> Result<Vec<Passkey>, AccountError> {
        Ok(read(self.path())?.passkeys.remove(person).unwrap_or_default())
    }

    /// Keeps a passkey for a person. One that anybody has is refused, also their own.
    pub fn add_passkey(&self, person: &Arc<str>, passkey: Passkey) -> Result<(), AccountError> {
        change(self.path(), |people| {
            let mut all = people.passkeys.values().flatten();
            if all.any(|known| known.credential == passkey.credential) {
                return Err(AccountError::PasskeyExists);
            }
            people.passkeys.entry(Arc::clone(person)).or_default().push(passkey);
            Ok(())
        })
    }

    /// Keeps how often a passkey has signed now; refused if it was used with a higher count since
    /// it was verified. Of two at once with the same count, one is refused.
    pub fn passkey_used(&self, person: &str, used: &Used) -> Result<(), AccountError> {
        change(self.path(), |people| {
            let passkey = people.passkey(person, &used.credential)?;
            if !goes_on(passkey.count, used.count) {
                return Err(AccountError::PasskeyCopied);
            }
            passkey.count = used.count;
            Ok(())
        })
    }

    /// Forgets a passkey of a person.
    pub fn remove_passkey(&self, person: &str, credential: &str) -> Result<(), AccountError> {
        change(self.path(), |people| {
            people.passkey(person, credential)?;
            if let Some(passkeys) = people.passkeys.get_mut(person) {
                passkeys.retain(|passkey| *passkey.credential != *credential);
            }
            people.passkeys.retain(|_, all| !all.is_empty());
            Ok(())
        })
    }
}

impl People {
    fn passkey(&mut self, person: &str, credential: &str) -> Result<&mut Passkey, AccountError> {
        let mut passkeys = self.passkeys.get_mut(person).into_iter().flatten();
        let found = passkeys.find(|passkey| *passkey.credential == *credential);
        found.ok_or_else(|| AccountError::PasskeyUnknown(person.into()))
    }
}
