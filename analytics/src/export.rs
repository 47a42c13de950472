//! Evidence: events with what proves them, for somebody who trusts neither us nor the operator.
//!
//! The bundle is described in `docs/formats/evidence.md`. It is written in one pass, part by part,
//! so that memory does not grow with the number of events.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
mod selection;

mod error;

mod item;

mod read;

mod references;

mod survey;

mod chosen;

mod archive;

mod unpack;

mod columns;

mod csv;

mod table;

mod payloads;

mod part;

mod manifest;

mod tally;

mod page;

mod write;

#[cfg(test)]
mod tests;

pub use archive::{Archive, FolderArchive, TarArchive};
pub use error::ExportError;
pub use manifest::PayloadCounts;
pub use payloads::{Content, Payloads, StoredPayloads};
pub use selection::{Bound, NotBound, SELECTED_MAX, Selection};
pub use unpack::unpack;
pub use write::{Export, Exported};
