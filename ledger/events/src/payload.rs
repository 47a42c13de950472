//! How an event names content that is kept outside of it.

use crate::Digest;
use serde::{Deserialize, Serialize};

/// A commitment to a payload: `digest` is SHA-256 over `countersign/payload/v1`, a zero byte, the
/// session's 32-byte salt and the payload. Without the salt it says nothing about the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadRef {
    /// The payload's size in bytes.
    pub bytes: u64,
    /// The salted digest; also the payload's address in the store.
    pub digest: Digest,
    /// Whether the content was not kept, because the configuration says so for such calls. Then it
    /// is not missing; the commitment still binds whoever has the content and the salt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub discarded: bool,
}
