//! Checks the texts that users and outside systems write.

/// Why a text is refused. Does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    #[error("must not be blank")]
    Blank,
    #[error("must have at most {0} characters")]
    TooLong(usize),
    #[error("must have no control characters")]
    Control,
}

/// Checks the length and characters of a text, which may be blank.
pub fn check(text: &str, max_length: usize) -> Result<(), TextError> {
    if text.chars().count() > max_length {
        return Err(TextError::TooLong(max_length));
    }
    if text.chars().any(char::is_control) {
        return Err(TextError::Control);
    }
    Ok(())
}

/// Like [`check`], for a text that must not be blank.
pub fn check_filled(text: &str, max_length: usize) -> Result<(), TextError> {
    if text.trim().is_empty() { Err(TextError::Blank) } else { check(text, max_length) }
}
