//! Tells programs and chats: one signed POST for each notice, which decides nothing.

use crate::notice::outbox::{Notice, word};
use crate::notice::post::{Failure, with_causes};
use crate::notice::settings::{SettingsError, WebhookKind, WebhookSettings};
use crate::notice::words::{Words, standing};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use events::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How long a webhook has to take a notice; 15 to 30 seconds is what Standard Webhooks advises.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// One webhook.
pub(super) struct Webhook {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    kind: WebhookKind,
    name: Arc<str>,
    url: Uri,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address of some is all that it takes to post there.
        formatter.debug_struct("Webhook").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Webhook {
    /// Checks the settings; connects only when there is something to send.
    pub(super) fn new(settings: &WebhookSettings) -> Result<Self, SettingsError> {
        let url = settings.check()?;
        // Notices are rare: a connection that was kept would be closed at the other end by then.
        let client =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector()?);
        Ok(Self { client, kind: settings.kind.clone(), name: Arc::clone(&settings.name), url })
    }

    pub(super) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Sends one notice. Redirects are not followed: who answers is who was configured.
    pub(super) async fn send(
        &self,
        notice: &Notice,
        public_url: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let request =
            self.request(notice, public_url, now).map_err(|it| Failure::Final(it.to_string()))?;
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.client.request(request))
            .await
            .map_err(|_| Failure::Later(format!("no answer within {ANSWER_WITHIN:?}")))?
            .map_err(|error| Failure::Later(with_causes(&error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let detail = format!("the webhook answered {}", status.as_u16());
        // By Standard Webhooks 410 means: never again. The rest may be a mistake of this hour.
        let is_final = status.is_redirection() || status == StatusCode::GONE;
        Err(if is_final { Failure::Final(detail) } else { Failure::Later(detail) })
    }

    fn request(
        &self,
        notice: &Notice,
        public_url: &str,
        now: Timestamp,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let words = Words::of(&notice.facts, notice.kind, public_url);
        let request = Request::post(self.url.clone())
            .header(header::USER_AGENT, "countersign")
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        match &self.kind {
            WebhookKind::Slack => {
                let body = json!({ "text": chat(&words) }).to_string();
                request.body(Full::from(body))
            }
            WebhookKind::Standard(secret) => {
                let body = body(notice, &words);
                let seconds = (now.micros() / 1_000_000).to_string();
                let signature = sign(secret.bytes(), (&notice.message, &seconds), &body);
                request
                    .header("webhook-id", notice.message.as_ref())
                    .header("webhook-timestamp", seconds)
                    .header("webhook-signature", signature)
                    .body(Full::from(body))
            }
        }
    }
}

/// What a program is told: a `CloudEvents` envelope, the same bytes however often it is tried.
fn body(notice: &Notice, words: &Words) -> String {
    let facts = &notice.facts;
    let held = &facts.held;
    let at = facts.ending.as_ref().map_or(facts.since, |ending| ending.at);
    json!({
        "specversion": "1.0",
        "id": notice.message.as_ref(),
        "source": "countersign",
        "type": format!("notice.{}", word(notice.kind)),
        "time": at,
        "subject": facts.call,
        "datacontenttype": "application/json",
        "data": {
            "agent": held.principal.agent.as_ref(),
            "call": facts.call,
            "digest": facts.digest,
            "expires": held.expires,
            "fingerprint": words.fingerprint,
            "needed": words.needed,
            "owner": held.principal.owner.as_ref(),
            "policies": held.verdict.policies,
            "reason": held.verdict.reason,
            "risk": words.risk,
            "round": notice.round,
            "standing": standing(facts),
            "summary": words.headline,
            "team": held.principal.team.as_ref(),
            "tool": words.tool,
            "upstream": held.upstream.as_ref(),
            "url": words.link,
            "version": facts.version,
        },
    })
    .to_string()
}

/// The signature of Standard Webhooks: the id, the moment in seconds and the body, in dots.
fn sign(secret: &[u8], (id, seconds): (&str, &str), body: &str) -> String {
    // HMAC takes keys of every length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    for part in [id, ".", seconds, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// What a chat shows. In it `&`, `<` and `>` are what makes links and calls people.
fn chat(words: &Words) -> String {
    let plain = |text: &str| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        // These would format what they surround, and end what our own do.
        text.replace('`', "'").replace(['*', '~'], "-")
    };
    let mut lines = vec![
        format!("*{}* ({} risk)", plain(&words.headline), words.risk),
        format!("Tool: `{}`", plain(&words.tool)),
        format!("Agent: {}, on behalf of {}", plain(&words.agent), plain(&words.owner)),
        format!("Why: {}", plain(&words.reason)),
    ];
    if words.waits {
        lines.push(format!("Needed: {}, until {}", plain(&words.needed), words.until));
    }
    lines.push(format!("Fingerprint: `{}`", words.fingerprint));
    lines.push(format!("<{}|Open call {}>", plain(&words.link), words.short));
    lines.join("\n")
}

fn connector() -> Result<HttpsConnector<HttpConnector>, SettingsError> {
    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(ANSWER_WITHIN / 2));
    http.enforce_http(false);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError::Tls(error.to_string()))?;
    // A machine without certificates still reaches webhooks of its own.
    let tls = match builder.clone().with_native_roots() {
        Ok(builder) => builder.with_no_client_auth(),
        Err(error) => {
            tracing::warn!(%error, "no trusted certificates: webhooks over https will fail");
            builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
        }
    };
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
    Ok(builder.https_or_http().enable_http1().wrap_connector(http))
}

#[cfg(test)]
mod tests;
