//! Canonical forms: RFC 8785's own examples, and a second implementation of it.

use proptest::prelude::*;

use super::spelling::{spell, values};
use crate::json::{Limits, canonical, check};

fn jcs(text: &str) -> String {
    String::from_utf8(canonical(text).unwrap()).unwrap()
}

#[test]
fn the_samples_of_rfc_8785_come_out_as_it_says() {
    let text = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let expected = concat!(
        r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"#,
        r#""string":"€$\u000f\nA'B\"\\\\\"/"}"#
    );
    assert_eq!(jcs(text), expected);
    let keys = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
    let sorted = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}";
    assert_eq!(jcs(keys), sorted);
}

#[test]
fn numbers_are_printed_as_ecmascript_prints_them() {
    for (bits, expected) in [
        (0x0000_0000_0000_0000, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ] {
        assert_eq!(jcs(&format!("{:e}", f64::from_bits(bits))), expected);
    }
}

#[test]
fn one_number_has_one_form_however_it_is_written() {
    for text in ["1", "1.0", "1e0", "1E+0", "10e-1", "0.1e1", "1.000"] {
        assert_eq!(jcs(text), "1");
    }
    for text in ["0", "-0", "0.0", "-0.0", "0e999", "1e-999"] {
        assert_eq!(jcs(text), "0");
    }
}

#[test]
fn large_integers_keep_their_digits() {
    for text in ["9007199254740993", "-9007199254740993", "18446744073709551616"] {
        assert_eq!(jcs(text), text);
    }
    assert_eq!(jcs("9007199254740993.0"), "9007199254740992");
    assert_eq!(jcs("1e20"), "100000000000000000000");
}

#[test]
fn what_has_no_canonical_form_is_refused() {
    let messages = [
        ("[1e400]", "a number beyond the range of a double at byte 1"),
        ("{\"b\":1,\"a\":-1.5e999}", "a number beyond the range of a double at byte 11"),
        ("{\"a\":1,\"a\":1}", "duplicate key \"a\" at byte 7"),
        ("[1", "expected `,` or `]`, found the end of the text at byte 2"),
    ];
    for (text, message) in messages {
        assert_eq!(canonical(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn depth_costs_neither_stack_nor_square_time() {
    let depth = 200_000;
    let text = "{\"b\":[".repeat(depth) + "1" + &"],\"a\":{}}".repeat(depth);
    let expected = "{\"a\":{},\"b\":[".repeat(depth) + "1" + &"]}".repeat(depth);
    assert!(jcs(&text) == expected);
}

proptest! {
    #[test]
    fn a_double_is_read_back_from_its_form(value: f64) {
        prop_assume!(value.is_finite());
        prop_assert_eq!(jcs(&format!("{value:e}")).parse(), Ok(value));
    }

    #[test]
    fn two_implementations_of_rfc_8785_agree(value in values(), choices: [u8; 32]) {
        let other = serde_json_canonicalizer::to_string(&value).unwrap();
        prop_assert_eq!(jcs(&spell(&value, &choices)), other);
    }

    #[test]
    fn a_canonical_text_is_valid_and_its_own_canonical_form(value in values(), choices: [u8; 32]) {
        let once = canonical(&spell(&value, &choices)).unwrap();
        let text = check(&once, Limits::default()).unwrap();
        prop_assert_eq!(&canonical(text).unwrap(), &once);
    }
}
