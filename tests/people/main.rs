//! The servers, the browser and the scanner that people's side is tested with work by themselves.
#![expect(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]

mod pages;

mod browser;

mod mail;

mod scanner;

mod tokens;

mod webhook;
