//! Who people are, what they may do, and whose tokens are good. It knows no runtime and no clock:
//! what blocks says so, and the time is a parameter.

mod encode;

mod key;

pub mod role;

mod person;

pub mod throttle;

mod password;

pub mod account;

pub mod cookie;

pub mod session;

pub use encode::matches;
pub use key::PeopleKey;
pub use password::PasswordRefused;
pub use person::{Email, EmailRefused, Profile};
