//! Accounts of our own, in a file, for who has no identity provider.
//!
//! Each operation reads the file, and each change writes it under a lock: any number of processes
//! may do so at once. What checks or sets a password takes some 30 ms and 19 MiB: call it where
//! blocking is allowed, and few at once.

mod store;

mod passkeys;

use crate::encode::{from_base64url, matches, random_text};
use crate::password::{self, PasswordRefused};
use crate::person::{Email, Profile};
use crate::role::Role;
use events::{Digest, Timestamp};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{People, change, read};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Who it is.
    pub profile: Profile,
    /// Whether it cannot be signed in to.
    #[serde(default)]
    pub disabled: bool,
    /// argon2id, in PHC form; absent until its first link was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// The one link that sets a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<Link>,
}

/// A one-time link, as kept: its digest says nothing about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    digest: Digest,
    expires: Timestamp,
}

/// Whom to invite.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Their address.
    pub email: Email,
    /// What to call them.
    pub name: String,
    /// Their groups.
    pub groups: BTreeSet<Arc<str>>,
    /// Their roles.
    pub roles: BTreeSet<Role>,
}

/// Why the accounts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The file cannot be read or written.
    #[error("`{path}` cannot be used: {source}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not what we wrote.
    #[error("`{path}` is not understood: {problem}; restore it from a copy", path = path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Nobody has this address.
    #[error("nobody has the address `{0}`: see `countersign people list`")]
    Unknown(Email),
    /// Nobody, or somebody else, has this passkey.
    #[error("this passkey is not registered for `{0}`")]
    PasskeyUnknown(Arc<str>),
    /// The passkey is registered already, for this person or for another.
    #[error("this passkey is registered already: remove it first, or take another")]
    PasskeyExists,
    /// The passkey was used elsewhere with a higher count.
    #[error("this passkey was copied: another with the same key was used since; remove it")]
    PasskeyCopied,
    /// Somebody has this address.
    #[error("`{0}` has an account already: give it another link, or change it")]
    Exists(Email),
}

/// Why a link does not set a password.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Unknown, used, replaced, or too old. Which of them is nobody's business.
    #[error(
        "this link is not valid any more: it works once and for a limited time; ask for another"
    )]
    Invalid,
    /// The password is not good enough. The link stays valid.
    #[error(transparent)]
    Password(#[from] PasswordRefused),
    /// The accounts cannot be used.
    #[error(transparent)]
    Accounts(#[from] AccountError),
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown address, wrong password, no password yet, or disabled: all look and cost the same.
    #[error("the address or the password is wrong")]
    Wrong,
    /// The accounts cannot be used.
    #[error(transparent)]
    Accounts(#[from] AccountError),
}

/// The accounts in a file.
#[derive(Clone, Debug)]
pub struct Accounts {
    path: PathBuf,
}

impl Accounts {
    /// The accounts of this file, which need not exist yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All accounts, by address.
    pub fn list(&self) -> Result<Vec<Account>, AccountError> {
        let mut accounts = read(&self.path)?.accounts;
        accounts.sort_by(|one, other| one.profile.email.cmp(&other.profile.email));
        Ok(accounts)
    }

    /// Whose id this is, unless the account is disabled or gone: what a running session asks for
    /// to see roles as they are now.
    pub fn current(&self, id: &str) -> Result<Option<Profile>, AccountError> {
        let accounts = read(&self.path)?.accounts;
        let found = accounts.into_iter().find(|account| *account.profile.id == *id);
        Ok(found.filter(|account| !account.disabled).map(|account| account.profile))
    }

    /// Makes an account without a password, and the link that sets it. The file has only the
    /// link's digest: what is returned is the only copy.
    pub fn invite(
        &self,
        invitation: Invitation,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<String, AccountError> {
        let (token, link) = self.new_link(now, lasts)?;
        change(&self.path, |people| {
            if people.find(&invitation.email).is_some() {
                return Err(AccountError::Exists(invitation.email));
            }
            people.accounts.push(Account {
                profile: Profile {
                    id: format!("local:{}", invitation.email).into(),
                    email: invitation.email,
                    name: invitation.name.into(),
                    groups: invitation.groups,
                    roles: invitation.roles,
                },
                disabled: false,
                password: None,
                link: Some(link),
            });
            Ok(token)
        })
    }

    /// Another link for somebody who has an account: for a first password, or for a new one. Links
    /// from before are void; a password from before stays until the link is used.
    pub fn renew_link(
        &self,
        email: &Email,
        now: Timestamp,
        lasts: Duration,
    ) -> Result<String, AccountError> {
        let (token, link) = self.new_link(now, lasts)?;
        self.change_account(email, |account| account.link = Some(link))?;
        Ok(token)
    }

    /// Whose link this is, while it is valid. It stays so.
    pub fn whose_link(&self, token: &str, now: Timestamp) -> Result<Profile, LinkError> {
        let people = read(&self.path)?;
        let found = people.accounts.into_iter().find(|account| account.has_link(token, now));
        found.map(|account| account.profile).ok_or(LinkError::Invalid)
    }

    /// Sets the password by a link, which is void from then on, durably so when this returns.
    pub fn set_password(
        &self,
        token: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<Profile, LinkError> {
        let profile = self.whose_link(token, now)?;
        password::accept(password, &profile.email)?;
        let hash = password::hash(password).map_err(|source| self.file_error(source))?;
        // Looked for again under the lock: of two who use it at once, one does.
        let set = change(&self.path, |people| {
            let found = people.accounts.iter_mut().find(|account| account.has_link(token, now));
            Ok(found.map(|account| {
                account.password = Some(hash);
                account.link = None;
                account.profile.clone()
            }))
        })?;
        set.ok_or(LinkError::Invalid)
    }

    /// Who this is, by their password. The caller limits how often one may try
    /// ([`crate::throttle`]).
    pub fn sign_in(&self, email: &str, password: &str) -> Result<Profile, SignInError> {
        let people = read(&self.path)?;
        let email = email.parse::<Email>().ok();
        let account = email.and_then(|email| people.find(&email).cloned());
        let kept = account.as_ref().and_then(|account| account.password.as_deref());
        let is_right = password::verify(password, kept);
        account
            .filter(|account| is_right && !account.disabled)
            .map(|account| account.profile)
            .ok_or(SignInError::Wrong)
    }

    /// Disables an account, with its link, or enables it again. Sessions that run are the
    /// caller's to end.
    pub fn set_disabled(&self, email: &Email, disabled: bool) -> Result<Profile, AccountError> {
        self.change_account(email, |account| {
            account.disabled = disabled;
            account.link = None;
        })
    }

    /// Gives an account these roles and groups, and no others.
    pub fn set_roles(
        &self,
        email: &Email,
        roles: BTreeSet<Role>,
        groups: BTreeSet<Arc<str>>,
    ) -> Result<Profile, AccountError> {
        self.change_account(email, |account| {
            account.profile.roles = roles;
            account.profile.groups = groups;
        })
    }

    fn change_account(
        &self,
        email: &Email,
        how: impl FnOnce(&mut Account),
    ) -> Result<Profile, AccountError> {
        change(&self.path, |people| {
            let account =
                people.find_mut(email).ok_or_else(|| AccountError::Unknown(email.clone()))?;
            how(account);
            Ok(account.profile.clone())
        })
    }

    fn new_link(&self, now: Timestamp, lasts: Duration) -> Result<(String, Link), AccountError> {
        let token = random_text().map_err(|source| self.file_error(source))?;
        let lasts = u64::try_from(lasts.as_micros()).unwrap_or(u64::MAX);
        let expires = Timestamp::from_micros(now.micros().saturating_add(lasts));
        let link = Link { digest: digest_of(&token), expires };
        Ok((token, link))
    }

    fn file_error(&self, source: io::Error) -> AccountError {
        AccountError::File { path: self.path.clone(), source }
    }
}

impl Account {
    /// Whether a password was set: an account without one waits for its link to be used.
    pub const fn has_password(&self) -> bool {
        self.password.is_some()
    }

    fn has_link(&self, token: &str, now: Timestamp) -> bool {
        let looks_right = from_base64url(token).is_some_and(|bytes| bytes.len() == 32);
        let link = self.link.as_ref().filter(|link| now < link.expires && !self.disabled);
        looks_right && link.is_some_and(|link| matches(&link.digest.0, &digest_of(token).0))
    }
}

impl People {
    fn find(&self, email: &Email) -> Option<&Account> {
        self.accounts.iter().find(|account| account.profile.email == *email)
    }

    fn find_mut(&mut self, email: &Email) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|account| account.profile.email == *email)
    }
}

fn digest_of(token: &str) -> Digest {
    let mut bytes = [0; 32];
    let made = digest(&SHA256, token.as_bytes());
    bytes.iter_mut().zip(made.as_ref()).for_each(|(to, from)| *to = *from);
    Digest(bytes)
}

#[cfg(test)]
mod tests;
