//! What exports are made of, whoever asks for them: over HTTP, or by a command.

use analytics::export::{
    Archive, Export, ExportError, Exported, Payloads, SELECTED_MAX, Selection,
};
use events::{LedgerExported, Timestamp};
use ledger::Sealing;
use ledger::log::Reader;
use ledger::sealer::Signed;
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::sync::Arc;

/// The most bytes of a name.
const NAME_BYTES_MAX: usize = 256;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportAsked {
    /// Who asks, as the peer says.
    pub by: String,
    /// Whether payloads are wanted.
    pub payloads: bool,
    /// Which events.
    #[serde(default)]
    pub selection: Selection,
}

impl ExportAsked {
    /// Whether it is within the limits; if not, why, in words.
    pub fn check(&self) -> Result<(), String> {
        let Selection { person, agent, sessions, calls, .. } = &self.selection;
        let mut names = [Some(&self.by), person.as_ref(), agent.as_ref()].into_iter().flatten();
        if names.any(|name| name.is_empty() || name.len() > NAME_BYTES_MAX) {
            return Err(format!("a name has 1 to {NAME_BYTES_MAX} bytes"));
        }
        let count = sessions.len() + calls.len();
        if count > SELECTED_MAX {
            return Err(format!("{count} sessions and calls are named, {SELECTED_MAX} at most go"));
        }
        Ok(())
    }
}

/// Records that evidence is about to be handed out: durable when it returns, or an error in words.
pub type Announce = Arc<
    dyn Fn(LedgerExported) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>
        + Send
        + Sync,
>;

/// See the module.
#[derive(Clone)]
pub struct ExportSource {
    /// The events.
    pub reader: Arc<dyn Reader>,
    /// What proves them.
    pub sealing: Sealing,
    /// The log's key and its witnesses.
    pub policy: Arc<str>,
    /// The payloads.
    pub payloads: Arc<dyn Payloads + Send + Sync>,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// Records the export.
    pub announce: Announce,
}

impl ExportSource {
    /// Records the export, and has it and all before it sealed. Nothing is handed out before.
    pub async fn begin(&self, asked: &ExportAsked) -> Result<Signed, String> {
        asked.check()?;
        let fact = LedgerExported {
            by: asked.by.as_str().into(),
            criterion: asked.selection.to_string(),
            payloads: asked.payloads,
            size: self.reader.next().number(),
        };
        (self.announce)(fact).await?;
        let signed = self.sealing.seal_now().await.map_err(|error| error.to_string())?;
        signed.ok_or_else(|| "the ledger has no events".to_owned())
    }

    /// The same without what records: whoever only writes must not keep the ledger open.
    #[must_use]
    pub fn only_reading(self) -> Self {
        let announce: Announce =
            Arc::new(|_| Box::pin(async { Err("the export has begun already".to_owned()) }));
        Self { announce, ..self }
    }

    /// Writes the bundle. Blocks.
    pub fn write(
        &self,
        asked: &ExportAsked,
        signed: &Signed,
        archive: &mut dyn Archive,
    ) -> Result<Exported, ExportError> {
        let export = Export {
            reader: &*self.reader,
            files: self.sealing.files(),
            signed,
            key: self.sealing.key(),
            policy: &self.policy,
            payloads: Some(&*self.payloads as &dyn Payloads).filter(|_| asked.payloads),
            selection: &asked.selection,
            by: &asked.by,
            made: (self.now)(),
        };
        export.write(archive)
    }
}
