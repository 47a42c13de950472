//! Policies put to the test, in a small world: two tool servers, two models, three agents.

mod arguments;
mod decisions;
mod documents;
mod holding;
mod limits;
mod local;
mod problems;
mod slices;
mod starter;
mod world;
