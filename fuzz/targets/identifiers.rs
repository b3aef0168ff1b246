//! The libFuzzer target of the property in `crates/tools/fuzzing` that has the name of this file.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzzing::identifiers(data));
