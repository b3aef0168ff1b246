//! Passwords, and the rules for new ones.

use secrecy::{ExposeSecret as _, SecretString};

use super::{Invalid, UserInfo};

/// The minimum of NIST SP 800-63B, which prefers length over rules for kinds of characters.
const MIN_CHARACTERS: usize = 8;
/// Bounds the work of hashing.
const MAX_BYTES: usize = 1024;
/// The most common passwords of sufficient length.
const COMMON: [&str; 16] = [
    "00000000",
    "11111111",
    "12341234",
    "12345678",
    "123456789",
    "1234567890",
    "88888888",
    "abcd1234",
    "football",
    "iloveyou",
    "password",
    "password1",
    "password123",
    "qwerty123",
    "qwertyui",
    "qwertyuiop",
];

/// A password in clear text. Its debug output does not show it.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// A password to be checked against a stored hash.
    pub fn given(field: &str, text: String) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new(field, "is empty"));
        }
        if text.len() > MAX_BYTES {
            return Err(Invalid::new(field, "is longer than 1024 bytes"));
        }
        Ok(Self(text.into()))
    }

    /// A new password for `info`'s user: at least eight characters, not a common password, and neither the login nor the e-mail
    /// address.
    pub fn chosen(field: &str, text: String, info: &UserInfo) -> Result<Self, Invalid> {
        let password = Self::given(field, text)?;
        let text = password.0.expose_secret();
        if text.chars().count() < MIN_CHARACTERS {
            return Err(Invalid::new(field, "is weak: it has less than 8 characters"));
        }
        let lower = text.to_lowercase();
        if COMMON.contains(&lower.as_str()) {
            return Err(Invalid::new(field, "is weak: it is among the first that are guessed"));
        }
        if lower == info.login.to_lowercase() || lower == info.mailbox() {
            return Err(Invalid::new(field, "is weak: it is the login or the e-mail address"));
        }
        Ok(password)
    }

    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(text: &str) -> Result<Password, Invalid> {
        let info = UserInfo::new("elizabeth".to_owned(), "liz@example.com".to_owned(), Vec::new()).unwrap();
        Password::chosen("password", text.to_owned(), &info)
    }

    #[test]
    fn a_new_password_must_not_be_easily_guessed() {
        for strong in ["SecurePassword123!", "correct horse battery staple", "пароль-на-ять"] {
            assert!(choose(strong).is_ok(), "{strong}");
        }
        for weak in ["", "short", "ÄÖÜ", "Password", "12345678", "Elizabeth", "liz@example.com", &"x".repeat(1025)] {
            assert_eq!(choose(weak).unwrap_err().field, "password", "{weak}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let password = choose("SecurePassword123!").unwrap();

        assert!(!format!("{password:?}").contains("Secure"));
    }
}
