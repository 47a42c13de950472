//! Who people are, what they may do, and whose tokens are good. It knows no runtime and no clock:
//! what blocks says so, and the time is a parameter.

#[cfg(test)]
mod site;

mod encode;

mod key;

pub mod role;

mod person;

pub mod throttle;

mod password;

mod strict;

pub mod session;

mod cbor;

pub mod passkey;

pub mod account;

pub mod cookie;

mod jwk;

mod claims;

mod jwt;

pub mod fetch;

mod discovery;

mod issuer;

pub mod challenge;

pub mod oidc;

pub use claims::{Actor, ClaimNames, Claims, ClaimsError, Use};
pub use discovery::DiscoveryError;
pub use encode::matches;
pub use issuer::{Issuer, Issuers, KeySource, KeysError, Verifier};
pub use jwk::{Algorithm, AlgorithmUnknown, KeySet, KeySetError};
pub use jwt::TokenError;
pub use key::PeopleKey;
pub use password::PasswordRefused;
pub use person::{Email, EmailRefused, Profile};
