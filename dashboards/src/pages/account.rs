//! People: how they sign in, and who may do what.

use super::shell::Shell;
use crate::markup::Label;
use crate::moment::Moment;
use askama::Template;

/// Where somebody can sign in elsewhere.
#[derive(Clone, Debug)]
pub struct Provider {
    /// What it is called.
    pub name: String,
    /// Where its button leads.
    pub path: String,
}

/// The sign-in.
#[derive(Clone, Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// What is around it.
    pub shell: Shell,
    /// Where to go then: a path of this gateway.
    pub next: String,
    /// Whether people can sign in with a password.
    pub has_passwords: bool,
    /// Where else they can.
    pub providers: Vec<Provider>,
}

/// The password that goes with an invitation.
#[derive(Clone, Debug, Template)]
#[template(path = "set_password.html")]
pub struct SetPasswordPage {
    /// What is around it.
    pub shell: Shell,
    /// Whose.
    pub email: Label,
    /// The secret of the link.
    pub token: String,
    /// How short it may be.
    pub least: usize,
}

/// A role that people can have.
#[derive(Clone, Debug)]
pub struct Role {
    /// The value of the form.
    pub name: String,
    /// What it lets them do.
    pub says: String,
}

/// A person in the list.
#[derive(Clone, Debug)]
pub struct Person {
    /// The e-mail address as forms send it.
    pub address: String,
    /// The name.
    pub name: Label,
    /// The e-mail address.
    pub email: Label,
    /// The roles, as words.
    pub roles: String,
    /// Where the account is: `password`, or the provider's name.
    pub source: String,
    /// When they were there last, in words.
    pub seen: String,
    /// Whether they can still sign in.
    pub active: bool,
    /// Whether it is the reader.
    pub is_reader: bool,
    /// Whether the account is one of ours, so that links and roles can be given.
    pub is_ours: bool,
    /// The roles, as forms send them.
    pub has: Vec<String>,
}

/// A right to vote in somebody's place.
#[derive(Clone, Debug)]
pub struct Delegation {
    /// Names it, for forms.
    pub id: String,
    /// Who gives it.
    pub from: Label,
    /// Who gets it.
    pub to: Label,
    /// Which groups and roles, in words.
    pub what: Label,
    /// When it ends.
    pub until: Moment,
    /// Whether the reader may end it.
    pub may_end: bool,
}

impl Person {
    /// Whether the person has a role.
    pub fn has(&self, role: &Role) -> bool {
        self.has.contains(&role.name)
    }
}

/// The list of people.
#[derive(Clone, Debug, Template)]
#[template(path = "people.html")]
pub struct PeoplePage {
    /// What is around it.
    pub shell: Shell,
    /// All of them.
    pub people: Vec<Person>,
    /// The roles to choose from.
    pub roles: Vec<Role>,
    /// Whether the reader may change something, and the token for it.
    pub may_change: Option<String>,
    /// A link that was just made, to be handed over once.
    pub invitation: Option<String>,
    /// Who votes in whose place.
    pub delegations: Vec<Delegation>,
    /// The token with which the reader lets somebody vote in their place.
    pub delegating: String,
}

/// A passkey of the reader.
#[derive(Clone, Debug)]
pub struct PasskeyItem {
    /// Names it, for forms.
    pub credential: String,
    /// What the reader calls it.
    pub name: Label,
    /// When it was registered.
    pub added: Moment,
}

/// The form that registers a passkey.
#[derive(Clone, Debug)]
pub struct Registering {
    /// Its token.
    pub csrf: String,
    /// The challenge, which comes back with the form.
    pub nonce: String,
    /// What the authenticator is asked, in JSON.
    pub options: String,
    /// Where the page has to have been opened.
    pub origin: String,
}

/// The reader's own page.
#[derive(Clone, Debug, Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// What is around it.
    pub shell: Shell,
    /// The reader's address.
    pub email: Label,
    /// All of the reader's.
    pub passkeys: Vec<PasskeyItem>,
    /// The form for another, or why there is none.
    pub registering: Result<Registering, String>,
    /// The token of the forms that remove one.
    pub removing: String,
    /// The token for signing in again, where the sign-in is too old to register one.
    pub proving: Option<String>,
}
