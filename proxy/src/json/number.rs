//! Numbers as ECMAScript prints them; not their arithmetic.

use super::fault::FaultKind;

/// Writes a number of a checked text in its canonical form (RFC 8785 §3.2.2.3).
///
/// A number written with a fraction or an exponent becomes the nearest double, printed by
/// ECMAScript's `Number::toString`. One written as an integer keeps its digits: up to 2^53 that is
/// the same thing, and beyond it two ids that differ never become one.
pub(super) fn write(raw: &str, out: &mut String) -> Result<(), FaultKind> {
    if raw == "-0" {
        out.push('0');
    } else if raw.contains(['.', 'e', 'E']) {
        // The standard library's shortest digits will not do: where two are equally near, it
        // takes the greater, and ECMAScript the even one.
        let value = raw.parse::<f64>().ok().filter(|value| value.is_finite());
        let value = value.ok_or(FaultKind::OutOfRange)?;
        out.push_str(ryu_js::Buffer::new().format_finite(value));
    } else {
        out.push_str(raw);
    }
    Ok(())
}
