//! The libFuzzer target of the property of this name.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::access_tokens(data));
