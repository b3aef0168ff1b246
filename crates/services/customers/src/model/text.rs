//! Texts of limited length. Names and words are personal data, so `Debug` does not show them.

use std::fmt;

use contracts::text::{TextError, check, check_filled};
use serde::{Deserialize, Serialize};

/// A customer's name: not blank, at most 200 characters, kept as given.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
        let text = text.into();
        check_filled(&text, 200)?;
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(…)")
    }
}

/// The words of the checker or an operator about a decision, at most 500 characters. May contain a person's name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Words(String);

const MAX_WORDS_LENGTH: usize = 500;

impl Words {
    /// Trims the text. Returns `None` if it is blank.
    pub fn new(text: &str) -> Result<Option<Self>, TextError> {
        check(text, MAX_WORDS_LENGTH)?;
        Ok((!text.trim().is_empty()).then(|| Self(text.trim().to_owned())))
    }

    /// Shortens a text from an outside system and drops its control characters. Returns `None` if it is blank.
    pub fn fitting(text: &str) -> Option<Self> {
        let text: String = text.chars().filter(|letter| !letter.is_control()).take(MAX_WORDS_LENGTH).collect();
        Self::new(&text).ok().flatten()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_blank_and_has_at_most_200_characters() {
        assert!(Name::new("я".repeat(200)).is_ok());
        assert_eq!(Name::new("я".repeat(201)), Err(TextError::TooLong(200)));
        assert_eq!(Name::new(" \t"), Err(TextError::Blank));
        assert_eq!(Name::new("a\u{7}b"), Err(TextError::Control));
    }

    #[test]
    fn words_of_others_are_cut_to_what_fits() {
        let words = Words::fitting(&"x\n".repeat(600)).unwrap();

        assert_eq!(words.as_str().len(), 500);
        assert_eq!(Words::fitting(" \n "), None);
        assert_eq!(Words::new(&"x".repeat(501)), Err(TextError::TooLong(500)));
    }
}
