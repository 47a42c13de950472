//! The inbox, people, and the small pages.

use crate::asks::{self, NOW};
use dashboards::pages::{
    AccountPage, Ask, Count, InboxPage, Item, Look, Mood, Notice, PasskeyItem, PeoplePage, Person,
    Place, ProblemPage, Provider, Reader, Registering, Role, SetPasswordPage, Shell, SignInPage,
    Tab, Theme,
};
use dashboards::{Label, Moment};
use events::Timestamp;

/// What is around a page.
pub(crate) fn shell(title: &str, place: Place, path: &str, theme: Theme) -> Shell {
    let reader = Reader {
        name: Label::name("Ada Lovelace"),
        roles: "approver, administrator".to_owned(),
        csrf: "sample".to_owned(),
    };
    Shell {
        title: title.to_owned(),
        place,
        reader: Some(reader),
        waiting: 3,
        look: Look { theme, keys: true },
        path: path.to_owned(),
        live: Some("/live".to_owned()),
        notice: None,
    }
}

fn item(ask: Ask, state: &str, mood: Mood, left: &str) -> Item {
    let (preview, more) = Item::previewed(&ask.arguments);
    Item {
        call: ask.call,
        tier: ask.tier,
        tool: ask.tool,
        server: ask.server,
        agent: ask.agent,
        owner: ask.for_whom.into_iter().next().unwrap_or_default(),
        preview,
        more,
        warnings: ask.arguments.warnings(),
        inspectable: ask.arguments.is_inspectable(),
        asked: ask.asked,
        since: "2 min ago".to_owned(),
        ends: Moment::of(Timestamp::from_micros(NOW + 780_000_000)),
        left: left.to_owned(),
        state: state.to_owned(),
        mood,
    }
}

/// The inbox, full or empty.
pub(crate) fn inbox(shell: Shell, is_empty: bool) -> InboxPage {
    let items = vec![
        item(asks::grave(), "1 of 2 votes", Mood::Warning, "rejected in 4 min"),
        item(asks::tricky(), "nobody yet", Mood::Warning, "rejected in 13 min"),
        item(asks::plain(), "nobody yet", Mood::Warning, "rejected in 43 min"),
    ];
    let count = |tab, count| Count { tab, count };
    InboxPage {
        shell,
        tab: Tab::Mine,
        tabs: vec![count(Tab::Mine, Some(3)), count(Tab::All, Some(5)), count(Tab::Decided, None)],
        items: if is_empty { Vec::new() } else { items },
        more: 0,
    }
}

/// The reader's own page.
pub(crate) fn account(shell: Shell) -> AccountPage {
    let passkey = |credential: &str, name: &str| PasskeyItem {
        credential: credential.to_owned(),
        name: Label::name(name),
        added: Moment::of(Timestamp::from_micros(NOW)),
    };
    AccountPage {
        shell,
        email: Label::name("ada@example.com"),
        passkeys: vec![passkey("c1", "my phone"), passkey("c2", "the key in the safe")],
        registering: Ok(Registering {
            csrf: "sample".to_owned(),
            nonce: "sample".to_owned(),
            options: "{}".to_owned(),
            origin: "https://gateway.example.com".to_owned(),
        }),
        removing: "sample".to_owned(),
        proving: None,
    }
}

/// The list of people.
pub(crate) fn people(shell: Shell) -> PeoplePage {
    let person = |id: &str, name: &str, email: &str, roles: &str, active: bool| Person {
        address: email.to_owned(),
        name: Label::name(name),
        email: Label::name(email),
        roles: roles.to_owned(),
        source: if id == "1" { "a password" } else { "Example Login" }.to_owned(),
        seen: "here 4 min ago".to_owned(),
        active,
        is_reader: id == "1",
        is_ours: true,
        has: Vec::new(),
    };
    let role = |name: &str, says: &str| Role { name: name.to_owned(), says: says.to_owned() };
    PeoplePage {
        shell,
        people: vec![
            person("1", "Ada Lovelace", "ada@example.com", "approver, administrator", true),
            person("2", "Grace Hopper", "grace@example.com", "approver", true),
            person("3", "Mallory", "mallory@exаmple.com", "analyst", false),
        ],
        roles: vec![
            role("approver", "decides on calls that wait"),
            role("analyst", "reads sessions and runs queries"),
            role("compliance", "exports evidence, erases, places legal holds"),
            role("operator", "sees configuration and figures"),
            role("administrator", "invites and revokes people"),
        ],
        may_change: Some("sample".to_owned()),
        invitation: Some("http://127.0.0.1:8081/set-password?token=sample".to_owned()),
        delegations: Vec::new(),
        delegating: "sample".to_owned(),
    }
}

fn signed_out(mut shell: Shell) -> Shell {
    shell.reader = None;
    shell.live = None;
    shell.waiting = 0;
    shell
}

/// The sign-in, after a wrong password.
pub(crate) fn sign_in(shell: Shell) -> SignInPage {
    let mut shell = signed_out(shell);
    let text = Label::of("This address and this password do not go together.");
    shell.notice = Some(Notice { is_problem: true, text });
    let path = "/sign-in/example".to_owned();
    SignInPage {
        shell,
        next: "/holds".to_owned(),
        has_passwords: true,
        providers: vec![Provider { name: "Example Login".to_owned(), path }],
    }
}

/// The password that goes with an invitation.
pub(crate) fn set_password(shell: Shell) -> SetPasswordPage {
    SetPasswordPage {
        shell: signed_out(shell),
        email: Label::name("grace@example.com"),
        token: "sample".to_owned(),
        least: 12,
    }
}

/// Something went wrong.
pub(crate) fn problem(shell: Shell) -> ProblemPage {
    ProblemPage {
        shell,
        status: 409,
        detail: Label::of("Grace Hopper rejected this call while you were reading it."),
        remedy: "Nothing was recorded. Read the call again; it may need nothing from you."
            .to_owned(),
    }
}
