//! Passwords, and the rules for new passwords.

use std::{borrow::Cow, collections::HashSet, sync::LazyLock};

use icu_normalizer::ComposingNormalizerBorrowed;
use platform::invalid::InvalidField;
use secrecy::{ExposeSecret as _, SecretString};

use super::caseless;

/// The maximum length of a password in bytes, which bounds the work of hashing.
const MAX_BYTES: usize = 1024;
/// The maximum length of a new password, in code points.
pub const MAX_CHARACTERS: usize = 128;
/// The lowest configurable minimum length of a new password, in code points. OWASP ASVS 6.2.1 requires 8; NIST SP
/// 800-63B-4 requires 15 where the password is the only factor. Both prefer length to rules about kinds of characters.
pub const MIN_CHARACTERS: usize = 8;

/// A password in clear text, normalised to Unicode's form C, so that `é` is the same whichever code points a keyboard
/// produces. Its debug output does not show it.
#[derive(Clone, Debug)]
pub struct Password(SecretString);

impl Password {
    /// Validates a password that will be compared with a stored hash.
    pub fn given(field: &str, text: String) -> Result<Self, InvalidField> {
        if text.is_empty() {
            return Err(InvalidField::invalid(field, "must not be empty"));
        }
        if text.len() > MAX_BYTES {
            return Err(InvalidField::invalid(field, "must have at most 1024 bytes"));
        }
        let normalised = match ComposingNormalizerBorrowed::new_nfc().normalize(&text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(normalised) => Some(normalised),
        };
        Ok(Self(normalised.unwrap_or(text).into()))
    }

    /// Validates a new password of the user with this login and e-mail address. It must have `minimum` to 128
    /// characters, and must not be a common password, the login or the e-mail address.
    pub fn chosen(field: &str, text: String, [login, email]: [&str; 2], minimum: usize) -> Result<Self, InvalidField> {
        let password = Self::given(field, text)?;
        let text = password.0.expose_secret();
        let characters = text.chars().count();
        if characters < minimum {
            return Err(InvalidField::invalid(field, format!("must have at least {minimum} characters")));
        }
        if characters > MAX_CHARACTERS {
            return Err(InvalidField::invalid(field, format!("must have at most {MAX_CHARACTERS} characters")));
        }
        if is_common(text) {
            return Err(InvalidField::invalid(field, "must not be a common password"));
        }
        let key = caseless(text);
        if key == caseless(login) || key == caseless(email) {
            return Err(InvalidField::invalid(field, "must not be the login or the e-mail address"));
        }
        Ok(password)
    }

    /// Returns the bytes of the normalised password, which are hashed.
    pub fn normalised(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// Common passwords, which attackers guess first: Django's list, from `data/common-passwords`.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("../../data/common-passwords/django.txt").lines().collect());

/// Returns true if the password is on the list of common ones, ignoring case, Unicode form and surrounding spaces.
fn is_common(password: &str) -> bool {
    COMMON.contains(caseless(password.trim()).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose_of(text: &str, minimum: usize) -> Result<Password, InvalidField> {
        Password::chosen("password", text.to_owned(), ["elizabeth", "liz@example.com"], minimum)
    }

    fn choose(text: &str) -> Result<Password, InvalidField> {
        choose_of(text, MIN_CHARACTERS)
    }

    #[test]
    fn a_new_password_must_not_be_easily_guessed() {
        for strong in ["SecurePassword123!", "correct horse battery staple", "пароль-на-ять", "ÄÖÜäöüßé"]
        {
            assert!(choose(strong).is_ok(), "{strong}");
        }
        for weak in [
            "",
            "short",
            "ÄÖÜ",
            "Password",
            "12345678",
            "Elizabeth",
            "liz@example.com",
            "LIZ@example.com",
            "Football",
            "liverpool1",
            "trustno1 ",
            &"x".repeat(1025),
        ] {
            assert_eq!(choose(weak).unwrap_err().field.as_ref(), "password", "{weak}");
        }
    }

    #[test]
    fn lengths_are_counted_in_code_points() {
        for (text, is_good) in [
            ("ж".repeat(7), false),
            ("ж".repeat(8), true),
            ("🚀".repeat(128), true),
            ("🚀".repeat(129), false),
            // 14 code points, which compose to 7.
            ("e\u{301}".repeat(7), false),
            ("e\u{301}".repeat(128), true),
        ] {
            assert_eq!(choose(&text).is_ok(), is_good, "{text}");
        }
        assert!(choose_of("fourteen chars", 15).is_err());
        assert!(choose_of("fifteen symbols", 15).is_ok());
    }
}
