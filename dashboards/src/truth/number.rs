//! Numbers as they are written, and why programs may read them differently.

/// Beyond it, not every whole number is a double (RFC 7493 section 2.2).
const WHOLE_MAX: u64 = (1 << 53) - 1;

/// More digits than that are not kept by a double.
const DIGITS_MAX: usize = 17;

/// Why programs may read a number differently; `None` for one that all read alike.
pub(super) fn doubt(lexeme: &str) -> Option<&'static str> {
    let digits = lexeme.strip_prefix('-').unwrap_or(lexeme);
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    let is_zero = mantissa.bytes().all(|next| b"0.".contains(&next));
    if lexeme.parse::<f64>().is_ok_and(f64::is_infinite) {
        return Some("larger than any number that most programs know; some read it as infinite");
    }
    if is_zero && lexeme.starts_with('-') {
        return Some("a negative zero, which some programs take for zero");
    }
    if !is_zero && lexeme.parse::<f64>() == Ok(0.0) {
        return Some("so small that most programs read it as zero");
    }
    if digits.contains(['e', 'E']) {
        return Some("written with an exponent: count the zeros");
    }
    if !digits.contains('.') {
        let is_large = digits.parse::<u64>().map_or(true, |whole| whole > WHOLE_MAX);
        return is_large.then_some("so large that many programs change its last digits");
    }
    let significant = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|next| *next == b'0');
    let is_long = significant.count() > DIGITS_MAX;
    is_long.then_some("with more digits than most programs keep")
}

#[cfg(test)]
mod tests {
    use super::doubt;

    #[test]
    fn numbers_that_are_read_differently_are_told_from_others() {
        for plain in ["0", "7", "-3", "0.1", "4200.00", "9007199254740991", "-0.25"] {
            assert_eq!(doubt(plain), None, "{plain}");
        }
        let table = [
            ("1e999", "larger"),
            ("-1e400", "larger"),
            ("-0", "negative zero"),
            ("-0.0", "negative zero"),
            ("1e-999", "small"),
            ("1E5", "exponent"),
            ("9007199254740993", "last digits"),
            ("123456789012345678901234567890", "last digits"),
            ("0.1234567890123456789", "more digits"),
        ];
        for (lexeme, said) in table {
            assert!(doubt(lexeme).is_some_and(|doubt| doubt.contains(said)), "{lexeme}");
        }
    }
}
