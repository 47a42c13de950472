//! The commands that read: what each takes, prints and answers. They start nothing and change
//! nothing; which one runs is chosen in `main.rs`.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
mod error;

mod remote;

mod records;

mod pause;

pub mod events;

pub mod trace;

#[cfg(test)]
mod tests;

pub use error::CommandError;
pub use records::Place;
