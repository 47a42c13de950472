//! How a file log is laid out; none of it is fixed by what is on the disk already but the shard.

/// How a file log is laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The shard's name, 1 to 32 bytes. It is in every segment, so that logs cannot be mixed up.
    pub shard: String,
    /// The size of an event segment in bytes, filled in advance.
    pub event_segment_bytes: u64,
    /// The size of a payload segment in bytes, filled in advance.
    pub payload_segment_bytes: u64,
    /// The size of each of the two journal files in bytes, filled in advance. Batches that do not
    /// fit are synced in their segments. At most 256 MiB.
    pub journal_bytes: u64,
    /// The size of each of the two parts of the reserve in bytes: one for events, one for payloads,
    /// for [`Log::append_reserved`](crate::log::Log::append_reserved) on a full disk. 0 for none.
    pub reserve_bytes: u64,
    /// How much recent event text a new segment's records are compressed against, in bytes; at
    /// most 64 KiB.
    pub dictionary_bytes: usize,
    /// Whether an append waits for the disk. Without, a power cut loses acknowledged records: for
    /// measurements alone.
    pub synced: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shard: "0".to_owned(),
            event_segment_bytes: 64 * 1024 * 1024,
            payload_segment_bytes: 64 * 1024 * 1024,
            journal_bytes: 4 * 1024 * 1024,
            reserve_bytes: 8 * 1024 * 1024,
            dictionary_bytes: 32 * 1024,
            synced: true,
        }
    }
}
