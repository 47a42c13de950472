//! The very bytes that would run, from the ledger's payloads. It blocks.

use super::Site;
use crate::markup::Label;
use approvals::Hold;
use events::{Operation, PayloadRef, SessionId};
use ledger::payload::load;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A payload; else why there is none, in words of ours.
pub(super) fn payload(
    site: &Site,
    session: SessionId,
    reference: Option<&PayloadRef>,
) -> Result<Vec<u8>, String> {
    let Some(reference) = reference else { return Err("it has no content".to_owned()) };
    let parts = site.parts();
    match load(&*parts.reader, &parts.keys, session, reference) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err("it is not kept any more".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What of a request is decided on: the arguments of a tool call, of anything else all of it.
pub(super) fn exact(
    site: &Site,
    hold: &Hold,
    reference: Option<&PayloadRef>,
) -> Result<Vec<u8>, String> {
    if reference.is_none() {
        return Ok(b"{}".to_vec());
    }
    let request = payload(site, hold.session, reference)?;
    let is_tool = hold.fact.operation == Operation::ExecuteTool;
    Ok(if is_tool { arguments_of(&request) } else { request })
}

/// The arguments in a request of a tool, as they are spelled; all of a request that is not
/// understood, so that nothing of it is hidden.
pub(super) fn arguments_of(request: &[u8]) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Rpc<'a> {
        #[serde(borrow)]
        params: Params<'a>,
    }
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow)]
        arguments: Option<&'a RawValue>,
    }
    match serde_json::from_slice::<Rpc<'_>>(request) {
        Ok(Rpc { params: Params { arguments: Some(raw) } }) => raw.get().as_bytes().to_vec(),
        Ok(Rpc { params: Params { arguments: None } }) => b"{}".to_vec(),
        Err(_) => request.to_vec(),
    }
}

/// What a request of a tool carries besides its name and its arguments, and besides what every
/// client adds: the name and size of each, in words.
pub(super) fn besides(request: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Rpc<'a> {
        #[serde(borrow)]
        params: BTreeMap<String, &'a RawValue>,
    }
    let Ok(Rpc { params }) = serde_json::from_slice::<Rpc<'_>>(request) else { return Vec::new() };
    let mut found = Vec::new();
    for (name, value) in params {
        let meta = (name == "_meta").then(|| serde_json::from_str(value.get()).ok()).flatten();
        let members: BTreeMap<String, &RawValue> = meta.unwrap_or_default();
        if !matches!(name.as_str(), "name" | "arguments" | "_meta") {
            found.push((name, value));
        }
        let odd = members.into_iter().filter(|(name, _)| !is_usual(name));
        found.extend(odd.map(|(name, value)| (format!("_meta.{name}"), value)));
    }
    let said = |(name, value): (String, &RawValue)| {
        format!("{} ({} bytes)", Label::name(&name).text(), value.get().len())
    };
    found.into_iter().map(said).collect()
}

/// Whether clients add this to every request, or the gateway's own answers asked for it.
fn is_usual(name: &str) -> bool {
    name == "progressToken"
        || name == "traceparent"
        || name == "tracestate"
        || name.starts_with("io.modelcontextprotocol/")
}

#[cfg(test)]
mod tests {
    use super::{arguments_of, besides};

    #[test]
    fn what_a_server_may_read_besides_the_arguments_is_told() {
        let request = br#"{"params":{"name":"t","arguments":{},"task":{"ttl":60},
            "_meta":{"progressToken":1,"admin":true}}}"#;
        assert_eq!(besides(request), ["_meta.admin (4 bytes)", "task (10 bytes)"]);
        assert!(besides(br#"{"params":{"name":"t","arguments":{"task":1}}}"#).is_empty());
    }

    #[test]
    fn arguments_are_shown_as_they_are_spelled() {
        let request = br#"{"jsonrpc":"2.0","id":1,"params":{"name":"t","arguments":{"a": 1.0 }}}"#;
        assert_eq!(arguments_of(request), br#"{"a": 1.0 }"#);
        assert_eq!(arguments_of(br#"{"params":{"name":"t"}}"#), b"{}");
    }

    #[test]
    fn nothing_of_a_request_that_is_not_understood_is_hidden() {
        let twice = br#"{"params":{"arguments":{"a":1},"arguments":{"a":2}}}"#;
        assert_eq!(arguments_of(twice), twice);
    }
}
