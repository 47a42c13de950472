//! Text and values that agents control, shown truthfully: from the exact bytes that will run to a
//! model of what a page says of them. Pure; nothing is left out without being counted.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
mod character;

mod span;

mod shown;

mod punycode;

mod lookalike;

mod blob;

mod number;

mod tree;

mod rank;

mod fields;

mod difference;

mod view;

pub use character::Kind;
pub use difference::{Change, ChangeKind, Side, difference};
pub use fields::{Arguments, Content, Note, NoteKind, Row, arguments};
pub use lookalike::oddity;
pub use shown::{Folded, Shown, shown};
pub use span::{Span, visible};
pub use view::{VIEW_VERSION, view_bytes, view_digest};

#[cfg(test)]
mod tests;
