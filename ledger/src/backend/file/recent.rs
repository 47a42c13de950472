//! A handful of opened things, the latest used kept, so that reading old segments stays bounded.

use std::sync::{Arc, Mutex, PoisonError};

/// At most [`Recent::KEPT`] values by number.
pub(super) struct Recent<T> {
    // The latest used stands last.
    kept: Mutex<Vec<(u64, Arc<T>)>>,
}

impl<T> Recent<T> {
    /// The most values that are kept.
    const KEPT: usize = 16;

    /// Keeps nothing yet.
    pub(super) fn new() -> Self {
        Self { kept: Mutex::new(Vec::new()) }
    }

    /// The value with this number, opened if it is not kept.
    pub(super) fn get<E>(
        &self,
        number: u64,
        open: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        if let Some(value) = self.take(number) {
            self.put(number, Arc::clone(&value));
            return Ok(value);
        }
        let value = Arc::new(open()?);
        self.put(number, Arc::clone(&value));
        Ok(value)
    }

    /// Keeps `value` in place of what had this number.
    pub(super) fn put(&self, number: u64, value: Arc<T>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(other, _)| *other != number);
        if kept.len() == Self::KEPT {
            kept.remove(0);
        }
        kept.push((number, value));
    }

    fn take(&self, number: u64) -> Option<Arc<T>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let index = kept.iter().position(|(other, _)| *other == number)?;
        Some(kept.remove(index).1)
    }
}
