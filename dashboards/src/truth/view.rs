//! What was shown, as bytes and as a digest that is recorded with a vote.

use events::Digest;
use serde::Serialize;

/// Grows with every change of a template or of the style sheet that changes what a reader sees.
pub const VIEW_VERSION: u32 = 1;

/// The model of a page as it was shown: `VIEW_VERSION`, a line end, and JSON with members in the
/// order in which the model declares them. The same model is always the same bytes.
pub fn view_bytes(model: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = format!("countersign-view-{VIEW_VERSION}\n").into_bytes();
    serde_json::to_writer(&mut bytes, model)?;
    Ok(bytes)
}

/// The SHA-256 of [`view_bytes`].
pub fn view_digest(model: &impl Serialize) -> Result<Digest, serde_json::Error> {
    view_bytes(model).map(|bytes| Digest::of(&[&bytes]))
}
