//! What the pages of the service want from the gateways that hold the calls.

use super::feed::Peer;
use super::gateways::{Gateway, Gateways, PATIENCE};
use super::wire::{CHECKS, Check, Checked, POLICIES, PoliciesShown, STORIES, TOOLS, ToolShown};
use approvals::Hold;
use bytes::Bytes;
use dashboards::site::{AgentKnown, Backstage, Edited, PoliciesKnown, Tool};
use events::Digest;
use http::StatusCode;
use ledger::Ledger;
use ledger::payload::Unpacked;
use serde::de::DeserializeOwned;
use std::fmt::Write as _;
use tokio::runtime::Handle;

/// Asks gateways, from threads that may block.
pub struct Office {
    gateways: Gateways,
    ledger: Ledger,
    runtime: Handle,
}

impl Office {
    /// Asks with this runtime. `ledger` is the service's own.
    pub const fn new(gateways: Gateways, ledger: Ledger, runtime: Handle) -> Self {
        Self { gateways, ledger, runtime }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        tokio::task::block_in_place(|| self.runtime.block_on(future))
    }

    fn bytes(&self, peer: &Peer, path: &str) -> Option<Bytes> {
        match self.wait(peer.get(path, PATIENCE)) {
            Ok(answer) if answer.status == StatusCode::OK => Some(answer.body),
            Ok(answer) if answer.status == StatusCode::NOT_FOUND => None,
            Ok(answer) => {
                tracing::warn!(error = %peer.refused(&answer), "a gateway is asked for nothing");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "a gateway is not heard");
                None
            }
        }
    }

    fn json<T: DeserializeOwned>(&self, peer: &Peer, path: &str) -> Option<T> {
        serde_json::from_slice(&self.bytes(peer, path)?).ok()
    }
}

/// A text as a part of a query.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a string does not fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

impl Backstage for Office {
    fn tool(&self, server: &str, tool: &str) -> Option<Tool> {
        let path = format!("{TOOLS}?server={}&tool={}", encoded(server), encoded(tool));
        let known = self.gateways.all().iter().filter(|gateway| gateway.is_reached());
        let mut shown = known.filter_map(|it| self.json::<ToolShown>(&it.peer, &path));
        shown.next().map(|it| Tool { digest: it.digest, text: it.text })
    }

    fn edit(&self, hold: &Hold, _request: &[u8], arguments: &str) -> Result<Edited, String> {
        let away = "the gateway that holds the call was not heard of since the start";
        let gateway = self.gateways.holder(hold.id).ok_or(away)?;
        let check = Check { hold: hold.id, arguments: arguments.to_owned() };
        let checked = self.wait(gateway.post::<Checked>(CHECKS, &check));
        let Checked { arguments, text } = checked.map_err(|error| error.to_string())?;
        // The gateway makes the request and keeps it; nothing of it is kept here.
        let (session, bytes) = (hold.session, text.as_bytes());
        let nothing = Unpacked { session, is_first: true, bytes, cuts: &[], kept: false };
        let request = self.ledger.pack(nothing).map_err(|error| error.to_string())?;
        Ok(Edited { arguments, text, request })
    }

    fn agents(&self) -> Vec<AgentKnown> {
        self.gateways.agents()
    }

    fn policies(&self) -> Option<PoliciesKnown> {
        let mut all: Option<PoliciesKnown> = None;
        for gateway in self.gateways.all() {
            let Some(Some(one)) = self.json::<Option<PoliciesShown>>(&gateway.peer, POLICIES)
            else {
                continue;
            };
            let name = gateway.peer.name();
            let named = |(file, text)| (format!("{name}: {file}"), text);
            let files = one.files.map(|files| files.into_iter().map(named).collect::<Vec<_>>());
            all = Some(match all {
                None => PoliciesKnown {
                    digest: one.digest,
                    count: one.count,
                    shadowed: one.shadowed,
                    files,
                },
                Some(before) => both(before, (one.digest, one.count, one.shadowed, files)),
            });
        }
        all
    }

    fn before(&self, hold: &Hold) -> Option<Vec<Bytes>> {
        let gateway = self.gateways.holder(hold.id)?;
        let lines = self.bytes(&gateway.peer, &format!("{STORIES}/{}", hold.id))?;
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Some(lines.map(Bytes::copy_from_slice).collect())
    }

    fn away(&self, hold: &Hold) -> Option<String> {
        let gateway = self.gateways.holder(hold.id);
        if gateway.is_some_and(Gateway::is_reached) {
            return None;
        }
        Some(
            "The gateway that holds the call does not answer. What you say is kept, and counts \
             when it answers again, unless the call has expired by then."
                .to_owned(),
        )
    }
}

type Shown = (Digest, usize, usize, Result<Vec<(String, String)>, String>);

/// The policies of two gateways. They have one digest only where they are the same.
fn both(before: PoliciesKnown, (digest, count, shadowed, files): Shown) -> PoliciesKnown {
    if before.digest == digest {
        return before;
    }
    let files = before.files.and_then(|mut all| {
        all.extend(files?);
        Ok(all)
    });
    PoliciesKnown {
        digest: Digest::of(&[&before.digest.0, &digest.0]),
        count: before.count + count,
        shadowed: before.shadowed + shadowed,
        files,
    }
}
