//! Listing models when several providers speak the dialect: each is asked, each call is on record,
//! and the agent gets one list.

use super::answer::{answer, answered, completed};
use super::{Models, Passing, Reply};
use crate::body::{Outgoing, receive_patiently};
use crate::caller::Caller;
use crate::config::{self, Agent, ModelUpstream};
use crate::dialect::{Dialect, Route, read_answer};
use crate::gate::{Admitted, pending};
use crate::json;
use crate::problem::{ErrorCode, Problem};
use bytes::Bytes;
use events::FailureReason;
use http::{HeaderValue, Response, header};
use std::sync::Arc;
use tokio::sync::oneshot;

impl Models {
    /// The providers to ask when one list has to be made of many; none where one answer will do.
    pub(super) fn listed_together(&self, route: Route) -> Vec<&ModelUpstream> {
        let dialect = match route {
            Route::OpenAiModels => config::Dialect::OpenAi,
            Route::AnthropicModels => config::Dialect::Anthropic,
            Route::OpenAiChat
            | Route::OpenAiResponses
            | Route::OpenAiEmbeddings
            | Route::OpenAiModel
            | Route::AnthropicMessages
            | Route::AnthropicCountTokens
            | Route::AnthropicModel => return Vec::new(),
        };
        let speaking = self.config.models.iter().filter(|provider| provider.dialect == dialect);
        let providers: Vec<_> = speaking.collect();
        if providers.len() < 2 { Vec::new() } else { providers }
    }

    /// Asks every provider and answers with one list. A provider that fails is left out, and its
    /// failure is on record; if all fail, the last failure is the answer.
    pub(super) async fn list(
        &self,
        passing: &Passing,
        caller: &Arc<Caller>,
        reply: &mut Option<oneshot::Sender<Reply>>,
    ) -> Result<(), Problem> {
        let mut models = Vec::new();
        let mut failure = None;
        for provider in self.listed_together(passing.route) {
            match self.list_one(passing, caller, provider).await {
                Ok(answer) => models.extend(entries(&answer, &caller.agent)),
                Err(problem) if problem.code == ErrorCode::UpstreamUnreachable => {
                    failure = Some(problem);
                }
                Err(problem) => return Err(problem),
            }
        }
        match failure {
            Some(problem) if models.is_empty() => Err(problem),
            _ => {
                answer(reply, list_reply(passing.route, &models));
                Ok(())
            }
        }
    }

    async fn list_one(
        &self,
        passing: &Passing,
        caller: &Arc<Caller>,
        provider: &ModelUpstream,
    ) -> Result<Bytes, Problem> {
        let body = Bytes::new();
        let ask = self.read_for(&caller.agent, passing, &body, provider)?;
        let dispatched = match self.gate.admit(&ask.ask(caller, &body)).await? {
            Admitted::Sent(dispatched) => dispatched,
            // To list is no act, so no policy is asked.
            Admitted::Waits(held) => {
                return Err(pending(held.call(), &held.expires().to_string()));
            }
        };
        let call = dispatched.call;
        let id = call.id();
        let request = Self::request(passing, provider, body)?;
        let unreachable = |detail: String| {
            let message = format!("provider `{}`: {detail}", provider.name);
            Problem::new(ErrorCode::UpstreamUnreachable, message).recorded_as(id)
        };
        let response = match self.upstream.send(dispatched.permit, request).await {
            Ok(response) => response,
            Err(error) => {
                call.fail(FailureReason::Unreachable, error.to_string(), None, &[]).await?;
                return Err(unreachable(error.to_string()));
            }
        };
        let status = response.status();
        let mut memory = self.memory.hold_answer();
        let received =
            receive_patiently(response.into_body(), &mut memory, self.answer_bounds()).await;
        match received {
            Ok(answer) => {
                let read = read_answer(passing.route, &answer);
                let outcome = completed(&read, status.as_u16());
                call.complete(outcome, answered(passing.route, &read), &answer).await?;
                let refused = || unreachable(format!("it answered with status {status}"));
                if status.is_success() { Ok(answer) } else { Err(refused()) }
            }
            Err((error, _)) => {
                let detail = error.to_string();
                let reason = FailureReason::Broken;
                call.fail(reason, detail.clone(), Some(status.as_u16()), &[]).await?;
                Err(unreachable(detail))
            }
        }
    }
}

/// The models of one answer that the agent may ask for, as the provider wrote them.
fn entries(answer: &Bytes, agent: &Agent) -> Vec<String> {
    let Ok(text) = json::check(answer, json::Limits::default()) else { return Vec::new() };
    let Some(data) = json::find(text, &["data"]) else { return Vec::new() };
    let id = |entry: &str| {
        json::find(entry, &["id"])
            .and_then(|id| json::string(id.text).map(std::borrow::Cow::into_owned))
    };
    json::elements(data.text)
        .filter(|entry| id(entry.text).is_some_and(|id| agent.may_ask(&id)))
        .map(|entry| entry.text.to_owned())
        .collect()
}

fn list_reply(route: Route, models: &[String]) -> Reply {
    let data = models.join(",");
    let body = match route.dialect() {
        Dialect::OpenAi => format!("{{\"object\":\"list\",\"data\":[{data}]}}"),
        Dialect::Anthropic => {
            let id = |entry: Option<&String>| {
                let id = entry.and_then(|entry| json::find(entry, &["id"]));
                id.map_or("null", |id| id.text).to_owned()
            };
            let (first, last) = (id(models.first()), id(models.last()));
            format!(
                "{{\"data\":[{data}],\"has_more\":false,\"first_id\":{first},\"last_id\":{last}}}"
            )
        }
    };
    let mut reply = Response::new(Outgoing::from(body));
    let json = HeaderValue::from_static("application/json");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    reply
}
