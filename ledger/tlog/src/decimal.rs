//! Decimal numbers as every format here writes them: ASCII digits without leading zeroes.

/// The number that a text is; `None` if it is not one, or has a sign, or a zero in front.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|next| next.is_ascii_digit());
    let plain = text == "0" || !text.starts_with('0');
    // `u64` itself would take a sign.
    if digits && plain { text.parse().ok() } else { None }
}
