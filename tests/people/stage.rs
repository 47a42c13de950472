//! A bank behind the gateway, people who sign in at a provider, and a mail server to reach them.

use std::path::{Path, PathBuf};

use events::{CallId, Event};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::browser::Browser;
use tests::element::Element;
use tests::gateway::{Gateway, Setup};
use tests::inbox::{Inbox, Mail};
use tests::mcp;
use tests::openid::Provider;
use tests::patience::until;
use tests::tool_server::ToolServer;
use tests::upstream::Upstream;
use tests::wire::{Connection, ask, post};

/// What people must allow: by one of them, by two, by one who reads it to the end.
const POLICY: &str = r#"
@id("everything")
permit (principal, action, resource);

@id("payments")
@why("Money that was sent does not come back.")
@approvers("1 of role:approver")
@risk("high")
forbid (principal, action == Action::"bank/pay", resource)
when { context.unattended };

@id("large-payments")
@why("Two people look at large payments.")
@approvers("2 of role:approver")
@risk("high")
forbid (principal, action == Action::"bank/pay_much", resource)
when { context.unattended };
"#;

/// The page that a call has, by its id.
pub(crate) fn hold_path(hold: CallId) -> String {
    format!("/holds/{hold}")
}

/// All of them, until dropped.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) inbox: Inbox,
    pub(crate) provider: Provider,
    pub(crate) bank: ToolServer,
    _folder: TempDir,
}

/// A call that an agent waits for.
pub(crate) struct Asked(Connection);

impl Asked {
    /// What the agent is answered, in the end.
    pub(crate) fn answer(mut self) -> Value {
        mcp::message(&self.0.answer().unwrap().body)
    }
}

impl Stage {
    /// Starts them.
    pub(crate) fn start() -> Self {
        Self::with("", "")
    }

    /// Starts them with other policies.
    pub(crate) fn under(policy: &str) -> Self {
        Self::made(policy, ("", ""))
    }

    /// Starts them with further lines of `[approvals]`, and further sections.
    pub(crate) fn with(approvals: &str, sections: &str) -> Self {
        Self::made(POLICY, (approvals, sections))
    }

    fn made(policy: &str, (approvals, sections): (&str, &str)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (inbox, provider) = (Inbox::start(), Provider::start());
        let bank = ToolServer::start(&["pay", "pay_much"], |call, connection| {
            connection.reply(200, &call.said("It was paid."))
        });
        let model = Upstream::start(|_, connection| connection.reply(200, &wants_to_pay()));
        let file = |name: &str, text: &str| private(&folder.path().join(name), text);
        let (policy, secret, password) = (
            file("policy.cedar", policy),
            file("secret", &provider.secret),
            file("password", &inbox.password),
        );
        let written = format!(
            "[policy]\nfiles = [\"{}\"]\n[approvals]\nhold = \"5m\"\n{approvals}\n[people.roles]\n\
             approver = [\"approvers\", \"person:bob@example.com\"]\n\
             administrator = [\"administrators\"]\n\
             [[provider]]\nname = \"company\"\nissuer = \"{}\"\nclient_id = \"{}\"\n\
             client_secret = {{ file = \"{}\" }}\nscopes = [\"openid\", \"email\", \"profile\", \
             \"groups\"]\n\
             [mail]\nfrom = \"Countersign <gate@example.com>\"\nhost = \"localhost\"\n\
             port = {}\nca = \"{}\"\nuser = \"{}\"\npassword = {{ file = \"{}\" }}\n\
             fallback = [\"ops@example.com\"]\n{sections}",
            policy.display(),
            provider.issuer,
            provider.client,
            secret.display(),
            inbox.starttls,
            inbox.authority.display(),
            inbox.user,
            password.display(),
        );
        let setup = Setup::new()
            .tools("bank", &bank.url())
            .provider("openai", &model.url(), "*")
            .sections(&written);
        let stage = Self { gateway: setup.start(), inbox, provider, bank, _folder: folder };
        stage.provider.redirect(&stage.url("/sign-in/company/callback"));
        stage
    }

    /// Starts the gateway again once it has ended; it listens elsewhere then.
    pub(crate) fn again(self) -> Self {
        let stage = Self { gateway: self.gateway.again(), ..self };
        stage.provider.redirect(&stage.url("/sign-in/company/callback"));
        stage
    }

    /// The URL of a page.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.people)
    }

    /// Has an agent's model say that it wants to pay, so that there is something to tell.
    pub(crate) fn talk(&self) {
        let said = "Please pay the invoice of Lovelace & Sons.";
        let messages = json!([{"role": "user", "content": said}]);
        let body = json!({"model": "scripted", "messages": messages}).to_string();
        let answer = ask(self.gateway.agents, post("/v1/chat/completions", &[], body)).unwrap();
        assert_eq!(answer.status(), 200, "{answer:?}");
    }

    /// Has an agent ask for a call, and wait.
    pub(crate) fn ask(&self, tool: &str, arguments: &Value) -> Asked {
        self.ask_text(tool, &mcp::modern_call(7, tool, arguments))
    }

    /// The same with the text of the request as it is sent.
    pub(crate) fn ask_text(&self, tool: &str, text: &str) -> Asked {
        let mut connection = Connection::open(self.gateway.agents).unwrap();
        connection.send(mcp::sent("/mcp/bank", &mcp::modern_headers(tool), text)).unwrap();
        Asked(connection)
    }

    /// Waits until so many calls have been held; the latest of them.
    pub(crate) fn held(&self, count: usize) -> CallId {
        let records = self
            .gateway
            .recorded("a call that is held", |records| records.count("call.held") >= count);
        let held = records.events.iter().filter(|it| matches!(it.event, Event::CallHeld(_)));
        held.filter_map(|envelope| envelope.call).next_back().unwrap()
    }

    /// Waits for the mail that asks this person to decide on this call.
    pub(crate) fn asked_by_mail(&self, to: &str, hold: CallId) -> Mail {
        self.mail(to, hold, ".asked.")
    }

    /// Waits for the mail of this kind to this person about this call.
    pub(crate) fn mail(&self, to: &str, hold: CallId, kind: &str) -> Mail {
        let about = hold.to_string().to_lowercase().trim_start_matches("call_").to_owned();
        self.inbox.wait(&format!("a mail {kind} to {to}"), |mail| {
            let id = mail.header("message-id").unwrap_or_default().to_lowercase();
            mail.to.iter().any(|it| it == to) && id.contains(&about) && id.contains(kind)
        })
    }

    /// Signs somebody in who is on the sign-in page.
    pub(crate) fn sign_in(&self, browser: &Browser, login: &str) {
        browser.role("link", "Sign in with company").click();
        self.provider.sign_in(browser, login);
        browser.wait_url("a page of the gateway", |url| {
            url.starts_with(&self.url("/")) && !url.contains("/sign-in")
        });
    }

    /// Opens a page as somebody who is not signed in yet.
    pub(crate) fn open_as(&self, browser: &Browser, login: &str, path: &str) {
        browser.open(&self.url(path));
        self.sign_in(browser, login);
    }
}

/// Waits until a button does something: those that decide do not at once.
pub(crate) fn armed<'b>(browser: &'b Browser, name: &str) -> Element<'b> {
    until(&format!("the button `{name}`"), || {
        let button = browser.roles("button").into_iter().find(|it| it.label() == name)?;
        button.attribute("aria-disabled").is_none().then_some(button)
    })
}

/// Presses a button as soon as it does something. A page that changes meanwhile has another one.
pub(crate) fn press(browser: &Browser, name: &str) {
    until(&format!("a click on `{name}`"), || armed(browser, name).try_click().ok());
}

/// Opens what is folded under this heading.
pub(crate) fn open_fold(browser: &Browser, heading: &str) {
    let summary = until(&format!("`{heading}`"), || {
        browser.find_all("summary").into_iter().find(|it| it.text() == heading)
    });
    summary.click();
}

/// A form of the page as it stands, with the button of this value, as it would be sent.
pub(crate) fn form(browser: &Browser, button: &str) -> Value {
    let body = "const button = document.querySelector(`button[value=${arguments[0]}]`);
         const sent = new URLSearchParams(new FormData(button.form, button));
         return [button.form.action, String(sent)]";
    browser.script(body, &[json!(button)])
}

/// Sends a form later; its status, and what can be read on the page that comes.
pub(crate) fn send(browser: &Browser, form: &Value) -> (u64, String) {
    let body = "return fetch(arguments[0][0], {method: 'POST', body: arguments[0][1], headers:
             {'content-type': 'application/x-www-form-urlencoded'}})
         .then(it => it.text().then(text => [it.status, text]))";
    let answer = browser.script(body, std::slice::from_ref(form));
    let part = |index: usize| answer.get(index).cloned().unwrap_or_default();
    (part(0).as_u64().unwrap(), part(1).as_str().unwrap_or_default().to_owned())
}

pub(crate) fn private(path: &Path, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.to_owned()
}

/// What the agents' model says.
fn wants_to_pay() -> String {
    let call = json!({"name": "bank__pay", "arguments": payment().to_string()});
    let calls = json!([{"id": "call_1", "type": "function", "function": call}]);
    let message = json!({"role": "assistant", "content": null, "tool_calls": calls});
    json!({
        "id": "chatcmpl-scripted", "object": "chat.completion", "created": 1, "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 9, "total_tokens": 21},
    })
    .to_string()
}

/// A payment.
pub(crate) fn payment() -> Value {
    json!({
        "to": "DE89 3704 0044 0532 0130 00", "name": "Lovelace & Sons", "amount": 1234.5,
        "currency": "EUR", "reference": "Invoice 2026-117",
    })
}
