//! What models cost.

use super::super::pattern::Pattern;

/// `[[price]]`: what the tokens of some models cost, each in millionths of the currency for a
/// million tokens. Which currency, nobody says: the same in all prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Which models, by the name asked for or the name that answered; at least one pattern.
    pub models: Vec<Pattern>,
    /// Input that the provider's cache had no part in.
    pub input: u64,
    /// Input read from the provider's cache.
    pub cached_input: u64,
    /// Input written to the provider's cache.
    pub cache_write: u64,
    /// Output, that of reasoning included.
    pub output: u64,
}
