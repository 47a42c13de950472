//! A digest, short enough to be read aloud and compared by eye.

use events::Digest;

/// RFC 4648's alphabet in lower case: no digit in it looks like one of its letters.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// How many characters there are, in groups of [`GROUP`]: 100 bits.
const CHARACTERS: usize = 20;

/// How many characters stand together.
const GROUP: usize = 4;

/// The first 100 bits of a digest as five groups of four characters in base32.
///
/// It is the same in every mail, on every page and on the command line, so that a person who
/// compares two of them compares what would run. Finding another call with the same one takes
/// about 2^100 tries.
pub fn fingerprint(digest: &Digest) -> String {
    let mut text = String::with_capacity(CHARACTERS + CHARACTERS / GROUP - 1);
    let (mut held, mut bits) = (0_u32, 0_u32);
    let mut bytes = digest.0.iter();
    for place in 0..CHARACTERS {
        if bits < 5 {
            held = held << 8 | bytes.next().map_or(0, |byte| u32::from(*byte));
            bits += 8;
        }
        bits -= 5;
        let value = usize::try_from(held >> bits & 31).unwrap_or_default();
        if place != 0 && place % GROUP == 0 {
            text.push('-');
        }
        text.extend(ALPHABET.get(value).map(|letter| char::from(*letter)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_the_first_hundred_bits_in_the_base32_of_others() {
        // From `printf abc | sha256sum | xxd -r -p | base32`, the first 20 characters.
        let digest = Digest::of(&[b"abc"]);
        assert_eq!(fingerprint(&digest), "xj4b-np4p-ahh6-uqkb-idpf");
        assert_eq!(fingerprint(&Digest([0; 32])), "aaaa-aaaa-aaaa-aaaa-aaaa");
        assert_eq!(fingerprint(&Digest([255; 32])), "7777-7777-7777-7777-7777");
    }

    #[test]
    fn every_one_of_the_first_hundred_bits_changes_it_and_no_later_one_does() {
        let plain = fingerprint(&Digest([0; 32]));
        for bit in 0..256 {
            let mut bytes = [0; 32];
            bytes[bit / 8] = 128 >> (bit % 8);
            assert_eq!(fingerprint(&Digest(bytes)) != plain, bit < 100, "bit {bit}");
        }
    }
}
