//! A Telegram contact, and the one-time code that confirms it.

use std::{fmt, time::Duration};

use platform::invalid::InvalidField;
use sha2::{Digest as _, Sha256};

pub const CODE_LIFETIME: Duration = Duration::from_mins(10);

/// The digits of Crockford's base 32, without letters that look like digits.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The length of a code: 128 bits in digits of 5 bits each. Telegram accepts up to 64 such characters after `/start`.
const CODE_LENGTH: usize = 26;

/// A contact code: 128 random bits. It is a secret that confirms a contact, so its debug output does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContactCode(u128);

impl ContactCode {
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Parses a code as a user typed it: in upper or lower case, and with letters in the place of digits that look like
    /// them.
    pub fn parse(field: &str, text: &str) -> Result<Self, InvalidField> {
        let invalid = || InvalidField::invalid(field, "must be a code of 26 letters and digits");
        if text.len() != CODE_LENGTH {
            return Err(invalid());
        }
        let mut bits: u128 = 0;
        for letter in text.bytes() {
            let digit = match letter.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            };
            let value = DIGITS.iter().position(|known| *known == digit).ok_or_else(invalid)?;
            // The first digit has only 3 bits, so a larger one overflows.
            let shifted = bits.checked_mul(32).ok_or_else(invalid)?;
            bits = shifted | u128::try_from(value).map_err(|_| invalid())?;
        }
        Ok(Self(bits))
    }

    /// Returns the digest, which is all that stores keep. A plain hash is enough, because an attacker cannot try all
    /// 128-bit numbers.
    pub fn digest(self) -> CodeDigest {
        CodeDigest(hex::encode(Sha256::digest(self.0.to_be_bytes())))
    }
}

/// Writes the code in the form that the user gets.
impl fmt::Display for ContactCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in (0..CODE_LENGTH).rev() {
            let digit = usize::try_from((self.0 >> (5 * place)) & 31).unwrap_or_default();
            write!(formatter, "{}", char::from(DIGITS[digit]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for ContactCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ContactCode(…)")
    }
}

/// The SHA-256 of a code's 16 bytes, in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CodeDigest(String);

impl fmt::Display for CodeDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The number of a Telegram chat. It is positive for a user's private chat and negative for groups and channels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct ChatId(i64);

impl ChatId {
    /// Parses the chat from a notification method's target. It accepts only the canonical form of the number, so that
    /// targets can be compared as texts.
    pub fn parse(field: &str, target: &str) -> Result<Self, InvalidField> {
        match target.parse::<i64>() {
            Ok(number) if number != 0 && number.to_string() == target => Ok(Self(number)),
            _ => Err(InvalidField::invalid(field, "must be the number of a Telegram chat")),
        }
    }

    pub fn private(field: &str, number: i64) -> Result<Self, InvalidField> {
        if number > 0 {
            Ok(Self(number))
        } else {
            Err(InvalidField::invalid(field, "must be the number of a private chat"))
        }
    }

    pub const fn number(self) -> i64 {
        self.0
    }
}

/// Writes the number in the form of a notification method's target.
impl fmt::Display for ChatId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl fmt::Debug for ChatId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ChatId(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ContactCode, InvalidField> {
        ContactCode::parse("code", text)
    }

    #[test]
    fn a_code_is_read_as_it_is_written() {
        for bits in [0, 1, 31, 32, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let code = ContactCode::from_bits(bits);
            let text = code.to_string();

            assert!(text.len() == CODE_LENGTH && text.bytes().all(|letter| letter.is_ascii_alphanumeric()), "{text}");
            assert_eq!(parse(&text), Ok(code));
            assert_eq!(parse(&text.to_lowercase().replace('1', "l").replace('0', "o")), Ok(code));
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let long = "0".repeat(CODE_LENGTH + 1);
        let too_large = format!("8{}", "0".repeat(CODE_LENGTH - 1));
        for text in ["", "0", &long, &too_large, "0000000000000000000000000U", "000000000000000000000000é"] {
            assert_eq!(parse(text).unwrap_err().field.as_ref(), "code", "{text}");
        }
    }

    #[test]
    fn a_target_is_the_number_of_a_chat_in_its_usual_form() {
        for target in ["42", "-1001234567890", "9223372036854775807"] {
            assert_eq!(ChatId::parse("target", target).unwrap().to_string(), target);
        }
        for target in ["", "0", "-0", "042", "+42", " 42", "4 2", "@shipyard", "42.0", "9223372036854775808", "٤٢"] {
            assert_eq!(ChatId::parse("target", target).unwrap_err().field.as_ref(), "target", "{target}");
        }
    }
}
