//! A site over a ledger in memory, and people who send requests to it.

use crate::site::{AgentKnown, Appointed, Backstage, Edited, Parts, PoliciesKnown, Site, Tool};
use approvals::{Asked, Clock, Desk, Hold, HoldView, NewHold, Settings};
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use events::{
    CallDigest, CallHeld, CallId, Decision, Dialect, Digest, Envelope, Event, HoldRule, Mark,
    Operation, PersonSignedIn, Principal, Risk, SessionId, SessionMethod, Threshold, Timestamp,
    Verdict,
};
use http::{HeaderMap, Request, StatusCode, header};
use identity::PeopleKey;
use identity::account::{Accounts, Invitation};
use identity::role::Role;
use identity::session::{Method, SignIn};
use ledger::backend::memory::MemoryStore;
use ledger::payload::{Keys, Unpacked};
use ledger::{Ledger, Options, Sequence};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use tower::ServiceExt as _;
use ulid::Ulid;

pub(super) const OPERATOR: &str = "csop_the-operator";

const SESSION: SessionId = SessionId::new(Ulid::from_parts(1, 1));

const PASSWORD_OF_NOBODY: Duration = Duration::from_hours(1);

/// The gateway, as far as the site needs one.
struct Behind(Ledger);

impl Backstage for Behind {
    fn tool(&self, _: &str, _: &str) -> Option<Tool> {
        None
    }

    fn edit(&self, hold: &Hold, _: &[u8], arguments: &str) -> Result<Edited, String> {
        if arguments.contains("forbidden") {
            return Err("the policy forbids such a call".to_owned());
        }
        let whole = request(arguments);
        let session = hold.session;
        let bytes = whole.as_bytes();
        let content = Unpacked { session, is_first: false, bytes, cuts: &[], kept: true };
        let request = self.0.pack(content).map_err(|error| error.to_string())?;
        let digest = Digest::of(&[arguments.as_bytes()]);
        let mut mark = [0; 16];
        mark.copy_from_slice(&digest.0[..16]);
        Ok(Edited { arguments: Mark(mark), text: arguments.into(), request })
    }

    fn agents(&self) -> Vec<AgentKnown> {
        let agent = ("bot".into(), "support".into(), "olga@example.com".into());
        vec![AgentKnown { name: agent.0, team: agent.1, owner: agent.2 }]
    }

    fn policies(&self) -> Option<PoliciesKnown> {
        let files =
            Ok(vec![("a.cedar".to_owned(), "permit (principal, action, resource);".into())]);
        Some(PoliciesKnown { digest: Digest([7; 32]), count: 1, shadowed: 0, files })
    }
}

fn request(arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"refund","arguments":{arguments}}}}}"#
    )
}

/// The site and what is behind it.
pub(super) struct Stage {
    pub(super) site: Site,
    pub(super) desk: Desk,
    pub(super) ledger: Ledger,
    pub(super) accounts: Accounts,
    now: Arc<AtomicU64>,
    next: AtomicU64,
    /// The agents' requests, which wait.
    waiting: Mutex<Vec<Asked>>,
    /// What must not end before the site.
    #[expect(dead_code, reason = "it is kept, and nothing else")]
    kept: (TempDir, watch::Sender<bool>),
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    /// The value of the first field of this name behind this text.
    pub(super) fn field(&self, after: &str, name: &str) -> String {
        let (_, rest) = self.text.split_once(after).unwrap_or_else(|| panic!("no {after}"));
        let (_, rest) = rest.split_once(&format!("name=\"{name}\" value=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }
}

/// Somebody with a browser.
#[derive(Clone)]
pub(super) struct Browser {
    pub(super) cookies: String,
    pub(super) sign_in: SignIn,
}

impl Stage {
    pub(super) fn new() -> Self {
        let options = Options {
            source: "test/0".into(),
            queue_max: 64,
            append_timeout: Duration::from_secs(20),
            keys: Keys::random().unwrap(),
        };
        let log = MemoryStore::default().open().unwrap();
        let (ledger, _) = Ledger::start(Box::new(log), options).unwrap();
        let now = Arc::new(AtomicU64::new(1_795_698_200_000_000));
        let told = Arc::clone(&now);
        let clock = Clock::new(
            move || Timestamp::from_micros(told.load(Ordering::SeqCst)),
            || events::EventId::new(Ulid::generate()),
        );
        let desk = Desk::new(ledger.clone(), clock.clone(), Settings::default());
        let folder = tempfile::tempdir().unwrap();
        let accounts = Accounts::at(folder.path().join("people.json"));
        let (stop, stopping) = watch::channel(false);
        let site = Site::new(Parts {
            desk: desk.clone(),
            reader: Arc::clone(ledger.reader()),
            keys: ledger.keys().clone(),
            accounts: Some(accounts.clone()),
            passkeys: Some(accounts.clone()),
            providers: Vec::new(),
            appointed: Appointed::default(),
            key: PeopleKey::new(&[7; 32]),
            clock,
            lasts: Duration::from_hours(12),
            url: "http://127.0.0.1:8081".to_owned(),
            break_glass: Settings::default().break_glass,
            is_operator: Arc::new(|key| key == OPERATOR),
            backstage: Arc::new(Behind(ledger.clone())),
            stopping,
        });
        let next = AtomicU64::new(1);
        let waiting = Mutex::default();
        Self { site, desk, ledger, accounts, now, next, waiting, kept: (folder, stop) }
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.now.load(Ordering::SeqCst))
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Makes an account; gives the secret of its link.
    pub(super) fn invite(&self, name: &str, roles: &[Role]) -> String {
        let invitation = Invitation {
            email: format!("{name}@example.com").parse().unwrap(),
            name: name.to_owned(),
            groups: std::collections::BTreeSet::new(),
            roles: roles.iter().copied().collect(),
        };
        self.accounts.invite(invitation, self.now(), PASSWORD_OF_NOBODY).unwrap()
    }

    /// Somebody who is signed in. That it is by a password is said and not done: it takes long.
    pub(super) async fn browser(&self, name: &str, roles: &[Role]) -> Browser {
        self.invite(name, roles);
        let account = self.accounts.list().unwrap().into_iter().map(|account| account.profile);
        let email = format!("{name}@example.com");
        let profile = account.into_iter().find(|it| it.email.as_str() == email).unwrap();
        let lasts = (self.now(), Duration::from_hours(12));
        let id = Ulid::generate();
        let sign_in = SignIn::new(id, profile, Method::Password, self.now(), lasts);
        let fact = PersonSignedIn {
            expires: sign_in.expires,
            groups: Vec::new(),
            method: "password".into(),
            peer: None,
            person: sign_in.profile.person(),
            roles: roles.iter().map(|role| role.text().into()).collect(),
            sign_in: Arc::clone(&sign_in.id),
        };
        self.desk.note(fact).await.unwrap();
        let key = self.site.key();
        let (value, own) = (sign_in.seal(key).unwrap(), sign_in.same_site(key));
        Browser { cookies: format!("countersign={value}; countersign-own={own}"), sign_in }
    }

    /// Has a call of the tool `refund` held, that one approver decides.
    pub(super) async fn hold(&self, arguments: &str) -> CallId {
        self.hold_by(arguments, Risk::High, "role:approver").await
    }

    pub(super) async fn hold_by(&self, arguments: &str, risk: Risk, filter: &str) -> CallId {
        self.hold_ruled(arguments, (risk, filter), false).await
    }

    /// The same, where an approval has to be signed.
    pub(super) async fn hold_signed(&self, arguments: &str) -> CallId {
        self.hold_ruled(arguments, (Risk::High, "role:approver"), true).await
    }

    async fn hold_ruled(
        &self,
        arguments: &str,
        (risk, filter): (Risk, &str),
        step_up: bool,
    ) -> CallId {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let call = CallId::new(Ulid::from_parts(2, u128::from(number)));
        let whole = request(arguments);
        let bytes = whole.as_bytes();
        let is_first = number == 1;
        let content = Unpacked { session: SESSION, is_first, bytes, cuts: &[], kept: true };
        let packed = self.ledger.pack(content).unwrap();
        let mut fact = held(risk, filter, number);
        fact.rule.step_up = step_up;
        fact.request = Some(packed.reference);
        fact.digest = digest(&fact);
        let asked = self.desk.ask(NewHold {
            call,
            session: SESSION,
            cause: None,
            fact,
            payload: Some(packed),
            also: Vec::new(),
            arguments: Some(arguments.into()),
        });
        let asked = asked.await.unwrap();
        self.waiting.lock().unwrap().push(asked);
        call
    }

    pub(super) fn view(&self, call: CallId) -> HoldView {
        self.desk.hold(call).unwrap()
    }

    pub(super) fn state(&self, call: CallId) -> &'static str {
        self.view(call).hold.state.word()
    }

    /// Every event on record.
    pub(super) fn events(&self) -> Vec<Event> {
        let records = self.ledger.reader().read(Sequence::FIRST, usize::MAX).unwrap();
        records.iter().map(|record| Envelope::parse(record).unwrap().event).collect()
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        let mut request = request;
        let peer = SocketAddr::from(([10, 0, 0, 7], 999));
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.site.router().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(super) async fn get(&self, path: &str, browser: Option<&Browser>) -> Answer {
        let mut request = Request::get(path);
        if let Some(browser) = browser {
            request = request.header("cookie", &browser.cookies);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form as our own pages do.
    pub(super) async fn post(
        &self,
        path: &str,
        browser: Option<&Browser>,
        fields: &[(&str, &str)],
    ) -> Answer {
        let cookies = browser.map(|browser| browser.cookies.clone()).unwrap_or_default();
        self.post_as(path, (&cookies, "same-origin"), fields).await
    }

    pub(super) async fn post_as(
        &self,
        path: &str,
        (cookies, site): (&str, &str),
        fields: &[(&str, &str)],
    ) -> Answer {
        let escape = |text: &str| {
            let byte = |byte: u8| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                other => format!("%{other:02X}"),
            };
            text.bytes().map(byte).collect::<String>()
        };
        let pairs =
            fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let request = Request::post(path)
            .header("cookie", cookies)
            .header("sec-fetch-site", site)
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Sends JSON as programs do.
    pub(super) async fn program(
        &self,
        (method, path): (&str, &str),
        token: &str,
        body: Option<serde_json::Value>,
    ) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    /// The fields with which the page of a hold says yes or no.
    pub(super) async fn form(&self, browser: &Browser, call: CallId, verdict: &str) -> Form {
        let page = self.get(&format!("/holds/{call}"), Some(browser)).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        Form::of(&page, verdict)
    }

    /// Sends the form that says yes or no.
    pub(super) async fn vote(&self, browser: &Browser, call: CallId, form: &Form) -> Answer {
        let fields: Vec<(&str, &str)> =
            form.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post(&format!("/holds/{call}/vote"), Some(browser), &fields).await
    }
}

/// The fields of a form that decides.
#[derive(Clone)]
pub(super) struct Form(pub(super) Vec<(String, String)>);

impl Form {
    pub(super) fn of(page: &Answer, verdict: &str) -> Self {
        let class = format!("class=\"{verdict}\"");
        let field = |name: &str| (name.to_owned(), page.field(&class, name));
        let mut fields: Vec<_> =
            ["version", "csrf", "call", "view", "shown"].into_iter().map(field).collect();
        fields.push(("verdict".to_owned(), verdict.to_owned()));
        Self(fields)
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(found, _)| found != name || name == "opened");
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }
}

fn held(risk: Risk, filter: &str, number: u64) -> CallHeld {
    let threshold = Threshold { approve: 1, deny: 1, filter: filter.parse().unwrap() };
    let rule = HoldRule {
        approvers: vec![vec![threshold]],
        claim_s: 300,
        edit: true,
        escalate: Vec::new(),
        expires_s: 600,
        own: false,
        reason: false,
        remind_s: None,
        risk,
        step_up: false,
    };
    let mark = Mark(u128::from(number).to_be_bytes());
    CallHeld {
        answer_of: None,
        arguments: Some(mark),
        definition: None,
        dialect: Dialect::Mcp,
        digest: Digest([0; 32]),
        expires: Timestamp::from_micros(0),
        identity: mark,
        method: "tools/call".into(),
        model: None,
        operation: Operation::ExecuteTool,
        principal: Principal {
            actors: Vec::new(),
            agent: "bot".into(),
            owner: "olga@example.com".into(),
            team: "support".into(),
        },
        request: None,
        rule,
        session: SessionMethod::New,
        target: Some("refund".into()),
        tool_call: None,
        upstream: "crm".into(),
        verdict: Verdict {
            decision: Decision::Hold,
            policies: vec!["refunds".into()],
            reason: Some("A refund needs a second pair of eyes.".to_owned()),
        },
    }
}

fn digest(fact: &CallHeld) -> Digest {
    CallDigest {
        definition: fact.definition,
        dialect: fact.dialect,
        method: &fact.method,
        model: None,
        principal: &fact.principal,
        request: fact.request.map(|request| request.digest),
        target: fact.target.as_deref(),
        upstream: &fact.upstream,
    }
    .digest()
}
