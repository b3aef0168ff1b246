//! Caseless keys of logins and e-mail addresses: texts that differ only in case or Unicode form have the same key.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use icu_properties::{CodePointSetData, props::DefaultIgnorableCodePoint};

/// Returns the key of a login or an e-mail address. Two texts have the same key if they are an identifier caseless
/// match by the Unicode Standard (section 3.13, D147), which also equates compatibility variants, such as full-width
/// letters, and ignores invisible characters. The key of a text with only invisible characters is empty.
pub fn caseless(text: &str) -> String {
    let folded = CaseMapper::new().fold_string(text).into_owned();
    let decomposed = DecomposingNormalizer::new_nfd().normalize(&folded).into_owned();
    // Folds twice, because composing can yield a letter that folds again.
    fold(&fold(&decomposed))
}

fn fold(text: &str) -> String {
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    let nfkc = ComposingNormalizer::new_nfkc();
    let visible: String = nfkc.normalize(text).chars().filter(|letter| !ignorable.contains(*letter)).collect();
    nfkc.normalize(&CaseMapper::new().fold_string(&visible)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_text_have_one_key() {
        for spellings in [
            &["ann", "ANN", "Ａｎｎ", "a\u{200b}nn", "𝐀nn"][..],
            &["zoë", "ZOË", "zoe\u{308}"],
            &["straße", "STRASSE", "strasse", "STRAẞE"],
            &["σίσυφος", "ΣΊΣΥΦΟΣ"],
            &["ﬁn", "FIN"],
        ] {
            for spelling in spellings {
                assert_eq!(caseless(spelling), caseless(spellings[0]), "{spelling}");
            }
        }
        for (one, other) in [("ann", "anna"), ("zoë", "zoe"), ("а", "a")] {
            assert_ne!(caseless(one), caseless(other), "{one} {other}");
        }
        assert_eq!(caseless("\u{200b}\u{3164}"), "");
    }

    #[test]
    fn the_key_of_a_key_is_the_key() {
        for letter in ('\0'..=char::MAX).filter(|letter| letter.is_alphabetic()) {
            let text = format!("a{letter}\u{301}");
            let key = caseless(&text);
            assert_eq!(caseless(&key), key, "{text}");
        }
    }
}
