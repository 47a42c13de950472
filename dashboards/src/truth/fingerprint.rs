//! A digest short enough to compare by eye, the same in mail, page and terminal.

use events::Digest;

/// Digits that are not mistaken for each other (Crockford's base 32).
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many bytes of a digest it tells: 80 bits, as 16 digits.
const BYTES: usize = 10;

/// The first 80 bits of a digest as four groups of four digits: `0A1B-2C3D-4E5F-6G7H`.
pub fn fingerprint(digest: Digest) -> String {
    let mut text = String::with_capacity(19);
    let (mut bits, mut count) = (0_u32, 0);
    for byte in digest.0.into_iter().take(BYTES) {
        bits = bits << 8 | u32::from(byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            if matches!(text.len(), 4 | 9 | 14) {
                text.push('-');
            }
            let value = usize::try_from(bits >> count & 31).unwrap_or_default();
            text.extend(DIGITS.get(value).map(|digit| char::from(*digit)));
        }
        bits &= (1 << count) - 1;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::fingerprint;
    use events::Digest;

    #[test]
    fn eighty_bits_are_four_groups_of_four() {
        assert_eq!(fingerprint(Digest([0; 32])), "0000-0000-0000-0000");
        assert_eq!(fingerprint(Digest([255; 32])), "ZZZZ-ZZZZ-ZZZZ-ZZZZ");
        let mut counted = [0; 32];
        counted.iter_mut().zip(1..).for_each(|(byte, value)| *byte = value);
        assert_eq!(fingerprint(Digest(counted)), "0410-6105-0R3G-G28A");
    }
}
