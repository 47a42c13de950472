//! The proxy: where calls happen, and where the order of a call is decided.

pub mod dialect;
