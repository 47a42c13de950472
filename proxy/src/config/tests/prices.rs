//! What models cost.

use super::*;

const PRICES: &str = r#"[[price]]
models = ["gpt-4o*", "o3"]
input = "2.50"
cached_input = "1.25"
cache_write = "3.125"
output = "10"
[[price]]
models = ["text-embedding-*"]
input = "0.02"
output = "0"
"#;

#[test]
fn what_is_not_priced_apart_costs_what_other_input_does() {
    let Loaded { config, warnings, .. } = parse(PRICES).unwrap_or_else(|it| panic!("{it}"));
    assert_eq!(warnings, []);
    let prices: Vec<_> = config
        .prices
        .iter()
        .map(|price| [price.input, price.cached_input, price.cache_write, price.output])
        .collect();
    assert_eq!(
        prices,
        [[2_500_000, 1_250_000, 3_125_000, 10_000_000], [20_000, 20_000, 20_000, 0]]
    );
    let told = describe(&config);
    for line in [
        "price     gpt-4o*, o3: a million tokens in 2.50, from the cache 1.25, into it 3.125, \
         out 10.00\n",
        "price     text-embedding-*: a million tokens in 0.02, from the cache 0.02, into it 0.02, \
         out 0.00\n",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
}

#[test]
fn a_price_that_is_not_exact_or_not_the_only_one_is_refused() {
    let told = problems(
        r#"[[price]]
models = ["gpt-*"]
input = 2.50
output = "0.0000001"
[[price]]
models = []
input = "1000000.01"
cached_input = "-1"
[[price]]
models = ["o3", "gpt-*"]
input = "1"
output = "1"
[[price]]
input = "1"
output = "1"
currency = "EUR"
"#,
    );
    let told: Vec<_> = told
        .lines()
        .filter(|line| line.starts_with("etc/") || line.starts_with("hint"))
        .map(|line| line.replace("etc/countersign.toml:", ""))
        .collect();
    let expected = [
        "3:9: price.1.input: expected an amount such as `2.50`, found a number",
        "hint: write it in quotes, with a point and at most six decimals",
        "4:10: price.1.output: expected an amount such as `2.50`, found `0.0000001`",
        "hint: write it in quotes, with a point and at most six decimals",
        "5:1: price.2: `output` is missing",
        "hint: what a million tokens cost: `output = \"2.50\"`",
        "6:10: price.2.models: expected at least one pattern",
        "hint: `[\"*\"]` is every model",
        "7:9: price.2.input: expected at most `1000000.00`, found `1000000.01`",
        "8:16: price.2.cached_input: expected an amount such as `2.50`, found `-1`",
        "hint: write it in quotes, with a point and at most six decimals",
        "10:17: price.3.models: `gpt-*` has a price on line 2 already",
        "hint: a model has one price: take the other away",
        "13:1: price.4: `models` is missing",
        "hint: say whose price it is: `models = [\"gpt-4o*\"]`",
        "16:1: price.4.currency: there is no key `currency`",
        "hint: use `models`, `input`, `cached_input`, `cache_write` or `output`",
    ];
    assert_eq!(told, expected, "{}", told.join("\n"));
}
