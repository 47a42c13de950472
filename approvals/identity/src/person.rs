//! A person, as votes, rules and events name one.

use crate::role::{Right, Role};
use events::Person;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Characters of an address, as RFC 5321 limits them.
const EMAIL_MAX: usize = 254;

/// An e-mail address in lower case: what people are compared by.
///
/// Providers and people write the same address in different cases, and separation of duties must
/// not depend on it. Letters outside of ASCII are refused: two addresses that look the same would
/// be two people.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Email(Arc<str>);

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no e-mail address: expected one such as `ada@example.com`, in ASCII")]
pub struct EmailRefused(String);

impl Email {
    /// Its text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its text, shared.
    pub fn text(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// What follows the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Email {
    type Err = EmailRefused;

    fn from_str(text: &str) -> Result<Self, EmailRefused> {
        let trimmed = text.trim();
        let plain = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || b".!#$%&'*+-/=?^_`{|}~".contains(&byte)
                })
        };
        let good = trimmed.len() <= EMAIL_MAX
            && trimmed.split_once('@').is_some_and(|(name, domain)| plain(name) && plain(domain));
        if good {
            Ok(Self(trimmed.to_ascii_lowercase().into()))
        } else {
            Err(EmailRefused(text.chars().take(64).collect()))
        }
    }
}

impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A person, with what they are called and what they are here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Never used for anybody else: `local:` and the address, or the provider's name, a colon and
    /// its subject.
    pub id: Arc<str>,
    /// Where to write, and what separation of duties compares.
    pub email: Email,
    /// What to call them. Somebody else chose it: show it as text.
    pub name: Arc<str>,
    /// The groups that they are in, as the account or the provider says.
    pub groups: BTreeSet<Arc<str>>,
    /// What they are here.
    pub roles: BTreeSet<Role>,
}

impl Profile {
    /// The person, as events name them.
    pub fn person(&self) -> Person {
        Person { email: self.email.text(), id: Arc::clone(&self.id) }
    }

    /// Whether one of their roles has this right.
    pub fn may(&self, right: Right) -> bool {
        self.roles.iter().any(|role| role.may(right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_compared_in_lower_case() {
        let ada: Email = " Ada@Example.COM ".parse().unwrap();
        assert_eq!(ada.as_str(), "ada@example.com");
        assert_eq!(ada.domain(), "example.com");
        assert_eq!(serde_json::from_str::<Email>("\"ADA@example.com\"").unwrap(), ada);
    }

    #[test]
    fn what_could_be_taken_for_another_address_is_none() {
        let long = format!("{}@example.com", "a".repeat(250));
        for text in [
            "",
            "ada",
            "@",
            "ada@",
            "@example.com",
            "a@b@c",
            "a b@c",
            "ad\u{430}@example.com",
            "a,b@example.com",
            "a\n@b",
            "<a@b>",
            &long,
        ] {
            assert!(text.parse::<Email>().is_err(), "{text:?}");
        }
    }
}
