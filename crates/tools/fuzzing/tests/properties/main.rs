//! Tests the properties with random inputs. `FUZZ_CASES` is the number of inputs per property.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod finds;

use proptest::{collection::vec, prelude::*};

fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("FUZZ_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: asked.unwrap_or(cases),
        failure_persistence: None,
        max_shrink_iters: 100,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(3_000))]

    #[test]
    fn no_record_makes_a_consumer_panic_or_wait(data in vec(any::<u8>(), 0..400)) {
        fuzzing::events(&data);
    }

    #[test]
    fn no_other_session_or_token_opens_anything(data in vec(any::<u8>(), 0..200)) {
        fuzzing::tokens(&data);
    }

    #[test]
    fn no_other_access_token_is_accepted(data in vec(any::<u8>(), 0..200)) {
        fuzzing::access_tokens(&data);
    }

    #[test]
    fn what_is_read_prints_as_it_was_read(data in vec(any::<u8>(), 0..200), text in ".{0,60}") {
        fuzzing::identifiers(&data);
        fuzzing::identifiers(&[&[0; 24], text.as_bytes()].concat());
    }
}
