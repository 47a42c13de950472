//! texts of a log under the fuzzer; what must hold is in the library.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::log::texts(bytes));
