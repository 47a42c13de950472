//! What the strict pass accepts and refuses, and what views, edits and digests make of it.

mod digests;
mod edits;
mod refusals;
mod spelling;
