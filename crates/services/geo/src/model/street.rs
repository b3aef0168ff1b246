//! A street's text, normalised for comparison.

/// The maximum of the text as sent, in characters.
const MAX_LENGTH: usize = 300;

/// A street, trimmed and in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Street(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreetError {
    #[error("must not be blank")]
    Blank,
    #[error("must have at most {MAX_LENGTH} characters")]
    TooLong,
}

impl Street {
    pub fn new(text: &str) -> Result<Self, StreetError> {
        if text.chars().nth(MAX_LENGTH).is_some() {
            return Err(StreetError::TooLong);
        }
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(StreetError::Blank);
        }
        Ok(Self(trimmed.to_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
