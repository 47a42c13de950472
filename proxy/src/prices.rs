//! What model calls cost: whole numbers, in millionths of the currency that the prices are in.

use crate::config::{Config, Price};
use events::Usage;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many tokens a price is for.
const TOKENS: u128 = 1_000_000;

/// How many models without a price are told, and how many characters of a name.
const UNPRICED_MAX: usize = 1000;
const NAME_CHARS_MAX: usize = 128;

/// The prices, and which models were found to have none.
#[derive(Debug)]
pub struct Prices {
    config: Arc<Config>,
    unpriced: BTreeSet<String>,
}

impl Prices {
    /// The prices of a configuration.
    pub const fn new(config: Arc<Config>) -> Self {
        Self { config, unpriced: BTreeSet::new() }
    }

    /// What a call cost whose model was asked for by the first of these names, and answered by the
    /// second. Without a price it cost nothing, which is told once for each model.
    pub fn cost(&mut self, usage: &Usage, models: [Option<&str>; 2]) -> u64 {
        let [asked, answered] = models;
        let names: Vec<&str> = asked.into_iter().chain(answered).collect();
        if let Some(price) = self.config.price(&names) {
            return cost(usage, price);
        }
        if let Some(model) = names.first()
            && self.is_first_of(model)
        {
            tracing::warn!(
                ?model,
                "a model without a price: what it costs counts as nothing where policies ask for \
                 the cost of a session; add a `[[price]]` for it"
            );
        }
        0
    }

    /// Whether a model is to be told of. Only policies ask what calls cost.
    fn is_first_of(&mut self, model: &str) -> bool {
        self.config.policy.is_some()
            && self.unpriced.len() < UNPRICED_MAX
            && self.unpriced.insert(model.chars().take(NAME_CHARS_MAX).collect())
    }
}

/// What these tokens cost, in millionths, rounded up once for all of them.
pub fn cost(usage: &Usage, price: &Price) -> u64 {
    let [cached, written, output] =
        [usage.cached_input, usage.cache_write, usage.output].map(Option::unwrap_or_default);
    // Parts that are more than the whole are paid for all the same.
    let plain = usage.input.unwrap_or(0).saturating_sub(cached).saturating_sub(written);
    let parts = [
        (plain, price.input),
        (cached, price.cached_input),
        (written, price.cache_write),
        (output, price.output),
    ];
    let parts = parts.map(|(tokens, micros)| u128::from(tokens) * u128::from(micros));
    let sum = parts.into_iter().fold(0, u128::saturating_add);
    u64::try_from(sum.div_ceil(TOKENS)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Pattern, PolicyConfig};
    use proptest::prelude::*;

    fn price(models: &[&str], [input, cached_input, cache_write, output]: [u64; 4]) -> Price {
        let models = models.iter().map(|text| Pattern::parse(text).unwrap()).collect();
        Price { models, input, cached_input, cache_write, output }
    }

    fn usage([input, cached, written, output]: [u64; 4]) -> Usage {
        Usage {
            input: Some(input),
            cached_input: Some(cached),
            cache_write: Some(written),
            output: Some(output),
            // A part of the output, which is paid as such.
            reasoning: Some(output / 2),
        }
    }

    fn prices(prices: Vec<Price>, policy: Option<PolicyConfig>) -> Prices {
        Prices::new(Arc::new(Config { policy, prices, ..Config::default() }))
    }

    #[test]
    fn parts_of_the_input_have_their_own_price_and_the_sum_is_rounded_up_once() {
        let list = price(&["*"], [2_500_000, 1_250_000, 3_125_000, 10_000_000]);
        for (tokens, micros) in [
            ([1000, 0, 0, 0], 2500),
            ([1000, 400, 0, 100], 600 * 5 / 2 + 400 * 5 / 4 + 1000),
            ([1000, 400, 200, 0], 400 * 5 / 2 + 400 * 5 / 4 + 200 * 25 / 8),
            ([1, 1, 0, 0], 2),
            // 1.25 and 3.125 are 4.375, not 2 and 4.
            ([2, 1, 1, 0], 5),
            ([0, 0, 0, 0], 0),
            // Parts without a whole.
            ([0, 1000, 0, 0], 1250),
        ] {
            assert_eq!(cost(&usage(tokens), &list), micros, "{tokens:?}");
        }
        assert_eq!(cost(&Usage::default(), &list), 0);
        let most = [u64::MAX; 4];
        assert_eq!(cost(&usage(most), &price(&["*"], most)), u64::MAX);
    }

    proptest! {
        /// Summed token by token as a fraction of whole millionths and a rest, with no product.
        #[test]
        fn a_cost_is_the_exact_sum_rounded_up(
            parts in prop::array::uniform4(0..200_u64),
            micros in prop::array::uniform4(0..3_000_000_u64),
        ) {
            let [plain, cached, written, output] = parts;
            let mut whole = 0_u64;
            let mut rest = 0_u64;
            for (tokens, micros) in parts.into_iter().zip(micros) {
                for _ in 0..tokens {
                    rest += micros;
                    whole += rest / 1_000_000;
                    rest %= 1_000_000;
                }
            }
            let tokens = [plain + cached + written, cached, written, output];
            let expected = whole + u64::from(rest != 0);
            prop_assert_eq!(cost(&usage(tokens), &price(&["*"], micros)), expected);
        }
    }

    #[test]
    fn the_price_that_spells_out_most_of_either_name_counts() {
        let of = |micros: u64| [micros * 1_000_000, 0, 0, 0];
        let mut prices = prices(
            vec![
                price(&["gpt-4o*"], of(2)),
                price(&["gpt-4o-2024-05-13", "gpt-4-*"], of(5)),
                price(&["our-gpt"], of(1)),
                price(&["our*gpt"], of(9)),
            ],
            None,
        );
        let one = usage([1, 0, 0, 0]);
        let mut of = |asked, answered| prices.cost(&one, [asked, answered]);
        assert_eq!(of(Some("gpt-4o"), None), 2);
        assert_eq!(of(Some("gpt-4o"), Some("gpt-4o-2024-08-06")), 2);
        assert_eq!(of(Some("gpt-4o"), Some("gpt-4o-2024-05-13")), 5, "a dated name of its own");
        assert_eq!(of(Some("latest"), Some("gpt-4-turbo")), 5, "only the dated name is priced");
        assert_eq!(of(Some("our-gpt"), Some("gpt-4x")), 1, "only the name asked for is priced");
        assert_eq!(of(Some("our-gpt"), None), 1, "of two that say as much, the first");
        assert_eq!(of(Some("claude"), None), 0);
        assert_eq!(of(None, None), 0);
    }

    #[test]
    fn a_model_without_a_price_is_told_once_where_there_are_policies() {
        let files = PolicyConfig {
            files: Vec::new(),
            reload_interval: std::time::Duration::from_secs(1),
            folder: std::path::PathBuf::new(),
        };
        let mut prices = prices(Vec::new(), Some(files));
        assert!(prices.is_first_of("a") && !prices.is_first_of("a") && prices.is_first_of("b"));
        for number in 0..2 * UNPRICED_MAX {
            prices.is_first_of(&format!("model {number}"));
        }
        assert_eq!(prices.unpriced.len(), UNPRICED_MAX, "it does not grow for ever");
        assert!(!Prices::new(Arc::default()).is_first_of("a"), "nobody asks what it costs");
    }
}
