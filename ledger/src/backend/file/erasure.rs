//! What a file log does around the erasing itself: leaves no copy in the journal before, and takes
//! note of what is gone after.

use super::FileLog;
use super::disk::is_full;
use super::eraser::Eraser;
use super::journal::Journal;
use crate::backend::check_scopes;
use crate::log::{AppendError, Erased, ReadError, Scope};
use std::collections::BTreeSet;
use std::io;

impl FileLog {
    /// See [`Log::erase`](crate::log::Log::erase).
    pub(super) fn erase_payloads(&mut self, scopes: &[Scope]) -> Result<Erased, AppendError> {
        self.check_poison()?;
        check_scopes(scopes)?;
        let wanted: BTreeSet<Scope> = scopes.iter().copied().collect();
        let found = self.eraser(wanted.clone(), false).look();
        let found = found.map_err(|error| AppendError::Refused { reason: error.to_string() })?;
        if found.payloads == 0 {
            return Ok(found);
        }
        self.empty_journal().map_err(|error| self.poison(&error))?;
        let mut eraser = self.eraser(wanted.clone(), false);
        match (eraser.erase(), eraser.has_begun) {
            (Ok(()), _) => {}
            (Err(ReadError::Io { source, .. }), false) if is_full(&source) => {
                let detail = format!("`{}`: {source}", self.dir.display());
                return Err(AppendError::Full { detail });
            }
            (Err(error), _) => return Err(self.poison(&error)),
        }
        self.forget(&wanted);
        Ok(found)
    }

    pub(super) fn eraser(&self, scopes: BTreeSet<Scope>, has_begun: bool) -> Eraser<'_> {
        let (disk, dir, reader) = (&*self.disk, self.dir.as_path(), &*self.reader);
        Eraser { disk, dir, shard: self.payloads.shard, reader, scopes, has_begun }
    }

    /// Leaves the journal without a copy of any payload, and without need of one.
    fn empty_journal(&mut self) -> io::Result<()> {
        self.payloads.sync()?;
        self.events.segment.file.sync()?;
        self.journal.as_mut().map_or(Ok(()), Journal::empty)
    }

    /// Takes note that the payloads of these scopes are erased: they may come again.
    pub(super) fn forget(&self, scopes: &BTreeSet<Scope>) {
        self.reader.publish(|committed| {
            if let Some(active) = &mut committed.payloads {
                active.places.retain(|(scope, _), _| !scopes.contains(scope));
            }
        });
    }
}
