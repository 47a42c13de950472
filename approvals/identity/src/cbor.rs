//! Reads the CBOR that authenticators write (RFC 8949, as CTAP2 restricts it): definite lengths, no
//! tags, no fractions.

/// How deep values may be nested.
const DEPTH_MAX: usize = 4;

/// A value; bytes and texts are where they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cbor<'a> {
    Integer(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// `false`, `true`, `null`: nothing here asks which.
    Simple,
}

impl<'a> Cbor<'a> {
    /// The first value, and what follows it.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        Self::nested(bytes, DEPTH_MAX)
    }

    fn nested(bytes: &'a [u8], depth: usize) -> Option<(Self, &'a [u8])> {
        let (first, rest) = bytes.split_first()?;
        let (argument, rest) = argument(first & 31, rest)?;
        let count = usize::try_from(argument).ok()?;
        match first >> 5 {
            0 => Some((Self::Integer(i64::try_from(argument).ok()?), rest)),
            1 => Some((Self::Integer(-1 - i64::try_from(argument).ok()?), rest)),
            2 => {
                let (bytes, rest) = rest.split_at_checked(count)?;
                Some((Self::Bytes(bytes), rest))
            }
            3 => {
                let (text, rest) = rest.split_at_checked(count)?;
                Some((Self::Text(std::str::from_utf8(text).ok()?), rest))
            }
            4 => Self::array(rest, count, depth.checked_sub(1)?),
            5 => Self::map(rest, count, depth.checked_sub(1)?),
            7 if matches!(first & 31, 20..=22) => Some((Self::Simple, rest)),
            _ => None,
        }
    }

    fn array(mut rest: &'a [u8], count: usize, depth: usize) -> Option<(Self, &'a [u8])> {
        let mut values = Vec::new();
        for _ in 0..count {
            let (value, after) = Self::nested(rest, depth)?;
            values.push(value);
            rest = after;
        }
        Some((Self::Array(values), rest))
    }

    fn map(mut rest: &'a [u8], count: usize, depth: usize) -> Option<(Self, &'a [u8])> {
        let mut pairs: Vec<(Self, Self)> = Vec::new();
        for _ in 0..count {
            let (name, after) = Self::nested(rest, depth)?;
            let (value, after) = Self::nested(after, depth)?;
            if pairs.iter().any(|(known, _)| *known == name) {
                return None;
            }
            pairs.push((name, value));
            rest = after;
        }
        Some((Self::Map(pairs), rest))
    }

    /// The value that a map has under this name.
    pub(crate) fn get(&self, name: &Self) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    pub(crate) const fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(*bytes) } else { None }
    }

    pub(crate) const fn integer(&self) -> Option<i64> {
        if let Self::Integer(integer) = self { Some(*integer) } else { None }
    }
}

fn argument(kind: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let length = match kind {
        0..=23 => return Some((kind.into(), rest)),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(length)?;
    Some((bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples_of_the_standard_are_read() {
        // Appendix A of RFC 8949.
        for (bytes, value) in [
            (&b"\x17"[..], Cbor::Integer(23)),
            (b"\x19\x03\xe8", Cbor::Integer(1000)),
            (b"\x39\x03\xe7", Cbor::Integer(-1000)),
            (b"\x44\x01\x02\x03\x04", Cbor::Bytes(&[1, 2, 3, 4])),
            (b"\x62\xc3\xbc", Cbor::Text("\u{fc}")),
            (b"\x82\x01\xf5", Cbor::Array(vec![Cbor::Integer(1), Cbor::Simple])),
            (b"\xa1\x61\x61\x20", Cbor::Map(vec![(Cbor::Text("a"), Cbor::Integer(-1))])),
        ] {
            assert_eq!(Cbor::read(bytes), Some((value, &b""[..])));
        }
        for bad in [
            &b""[..],
            b"\x19\x03",
            b"\x44\x01",
            b"\x5f\x41\x01\xff",
            b"\xc0\x01",
            b"\x61\xff",
            b"\xa2\x01\x02\x01\x03",
            b"\x81\x81\x81\x81\x81\x01",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xf9\x00\x00",
            b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x1c",
        ] {
            assert_eq!(Cbor::read(bad), None, "{bad:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some((_, rest)) = Cbor::read(&bytes) {
                prop_assert!(bytes.ends_with(rest));
            }
        }
    }
}
