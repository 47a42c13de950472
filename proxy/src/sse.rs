//! Server-Sent Events (WHATWG HTML §9.2.6) as frames that keep their bytes; not the HTTP around
//! them, nor what any dialect puts into them.

mod parser;
mod writer;

pub use parser::{Fault, Fields, Frame, Parser};
pub use writer::{WriteError, write};

#[cfg(test)]
mod tests;
