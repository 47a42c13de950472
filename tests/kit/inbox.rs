//! A mail server whose inbox a test can look into, and which fails as a test tells it to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::group::{Server, texts};
use crate::patience::until;

/// A mail server that runs; it is killed when dropped.
#[derive(Debug)]
pub struct Inbox {
    /// Port that wants STARTTLS, then the password.
    pub starttls: u16,
    /// Port that begins with TLS, then wants the password.
    pub tls: u16,
    /// Port without TLS, and without any need of a password.
    pub plain: u16,
    /// The certificate, as PEM, of the authority that signed the server's, which is for
    /// `localhost` and 127.0.0.1.
    pub authority: PathBuf,
    /// Who may send.
    pub user: String,
    /// The password of who may send.
    pub password: String,
    server: Server,
    _folder: TempDir,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Whether it came under TLS.
    pub encrypted: bool,
    /// Whether the sender gave the password.
    pub authenticated: bool,
    /// The subject, decoded.
    pub subject: String,
    /// All headers, decoded, in their order.
    pub headers: Vec<(String, String)>,
    /// The types of all parts, outermost first.
    pub parts: Vec<String>,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
    /// Where the links in text and HTML lead to.
    pub links: Vec<String>,
    /// What a reader's program would load, or send to: pictures, styles, forms.
    pub loaded: Vec<String>,
    /// The bytes as they came, each as the character with its number.
    pub raw: String,
}

/// When something goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Instead of the greeting.
    Greeting,
    /// When told from whom.
    Sender,
    /// When told to whom.
    Recipient,
    /// When given the message, which is not kept.
    Message,
    /// When given the message, which is kept: the answer alone is lost.
    Answer,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This code is answered: 4xx for now, 5xx for ever.
    Code(u16),
    /// The connection is reset.
    Drop,
    /// Nothing is answered any more.
    Hang,
    /// The answer takes so long.
    Delay(Duration),
}

impl Inbox {
    /// Starts one.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap_or_else(|| panic!("a path that is text"));
        let server = Server::start(&["inbox.py", path]);
        Self {
            starttls: server.port("starttls"),
            tls: server.port("tls"),
            plain: server.port("plain"),
            authority: server.at("ca").into(),
            user: server.at("user"),
            password: server.at("password"),
            server,
            _folder: folder,
        }
    }

    /// What was kept so far, in its order.
    pub fn mails(&self) -> Vec<Mail> {
        let kept = self.server.tell(&json!({"do": "messages"}));
        kept.as_array().into_iter().flatten().map(Mail::read).collect()
    }

    /// Waits for the first mail of which this holds.
    pub fn wait(&self, what: &str, holds: impl Fn(&Mail) -> bool) -> Mail {
        until(what, || self.mails().into_iter().find(&holds))
    }

    /// Waits for the first mail to this address.
    pub fn wait_for(&self, address: &str) -> Mail {
        self.wait(&format!("a mail to {address}"), |mail| mail.to.iter().any(|to| to == address))
    }

    /// How often each of these happened: `connected`, `authenticated`, `rejected` (a password),
    /// `asked` (somebody named a sender), and `fault_STAGE`.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.server.tell(&json!({"do": "counts"}));
        let counts = counts.as_object().cloned().unwrap_or_default();
        counts.into_iter().filter_map(|(what, count)| Some((what, count.as_u64()?))).collect()
    }

    /// From now on this goes wrong at this stage: so often, or each time.
    pub fn fault(&self, stage: Stage, fault: Fault, times: Option<u32>) {
        self.fault_for(None, stage, fault, times);
    }

    /// The same at [`Stage::Recipient`] for this recipient alone.
    pub fn fault_to(&self, address: &str, fault: Fault, times: Option<u32>) {
        self.fault_for(Some(address), Stage::Recipient, fault, times);
    }

    fn fault_for(&self, to: Option<&str>, stage: Stage, fault: Fault, times: Option<u32>) {
        let mut command = json!({"do": "fault", "stage": stage.word(), "times": times, "to": to});
        let (name, value) = match fault {
            Fault::Code(code) => ("code", json!(code)),
            Fault::Drop => ("drop", json!(true)),
            Fault::Hang => ("hang", json!(true)),
            Fault::Delay(delay) => ("delay", json!(delay.as_millis())),
        };
        if let Some(command) = command.as_object_mut() {
            command.insert(name.to_owned(), value);
        }
        self.server.tell(&command);
    }

    /// Nothing goes wrong any more.
    pub fn well(&self) {
        self.server.tell(&json!({"do": "well"}));
    }

    /// Does not listen any more, and breaks off every conversation.
    pub fn down(&self) {
        self.server.tell(&json!({"do": "down"}));
    }

    /// Listens again, on the same ports.
    pub fn up(&self) {
        self.server.tell(&json!({"do": "up"}));
    }
}

impl Stage {
    fn word(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Message => "message",
            Self::Answer => "answer",
        }
    }
}

impl Mail {
    fn read(kept: &Value) -> Self {
        let field = |name: &str| kept.get(name).cloned().unwrap_or_default();
        let text = |name: &str| field(name).as_str().unwrap_or_default().to_owned();
        let headers = field("headers");
        let headers = headers.as_array().into_iter().flatten().map(texts);
        let pair = |pair: Vec<String>| <[String; 2]>::try_from(pair).ok().map(<(_, _)>::from);
        Self {
            from: text("from"),
            to: texts(&field("to")),
            encrypted: field("encrypted") == json!(true),
            authenticated: field("authenticated") == json!(true),
            subject: text("subject"),
            headers: headers.filter_map(pair).collect(),
            parts: texts(&field("parts")),
            text: text("text"),
            html: text("html"),
            links: texts(&field("links")),
            loaded: texts(&field("loaded")),
            raw: text("raw"),
        }
    }

    /// The first header of this name, in whatever letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}
