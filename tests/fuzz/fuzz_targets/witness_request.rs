//! The listener of a witness under the fuzzer; what must hold is in the library.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::witness::request(bytes));
