//! A text that a user writes in an order.

use std::fmt;

/// A text of 1 to `MAX` characters, as the user wrote it. It is personal data, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserText<const MAX: usize>(String);

/// The reason why a text is not valid. It does not contain the text, which is personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    #[error("must have 1 to {max} characters")]
    Length { max: usize },
    #[error("must not be blank")]
    Blank,
    #[error("must have no control characters")]
    ControlCharacter,
}

impl<const MAX: usize> UserText<MAX> {
    /// Validates a text and keeps it exactly as sent.
    pub fn new(text: String) -> Result<Self, InvalidText> {
        if text.is_empty() || text.chars().count() > MAX {
            return Err(InvalidText::Length { max: MAX });
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidText::ControlCharacter);
        }
        if text.trim().is_empty() {
            return Err(InvalidText::Blank);
        }
        Ok(Self(text))
    }

    /// Returns a text read from the database, which was validated before it was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize> fmt::Debug for UserText<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserText(..)")
    }
}
