//! The model of users, passwords and sessions. It does no I/O and reads no clock.

mod contact;
mod login_attempt;
mod password;
mod session;
mod trusted_proxies;
mod user;

pub use contact::{CODE_LIFETIME, ChatId, CodeDigest, ContactCode};
pub use contracts::caseless::caseless;
pub use login_attempt::{DeviceDigest, LoginAttempt, Origin, account_key};
pub use password::{MAX_CHARACTERS, MIN_CHARACTERS, Password};
use platform::invalid::InvalidField;
pub use session::{
    Credential, OpenSession, Owner, Session, SessionDigest, SessionId, SessionSummary, SessionTimes, SessionUser,
    ShortId, TokenDigest, TokenId,
};
use sha2::{Digest as _, Sha256};
pub use trusted_proxies::TrustedProxies;
pub use user::{
    Account, KNOWN_FOR, MAX_DEVICES, NotificationMethod, Operator, User, UserInfo, check_login, check_reason,
};

/// Checks a line of text: not empty, at most `limit` bytes, no control characters, no leading or trailing space.
fn line(field: &str, text: &str, limit: usize) -> Result<(), InvalidField> {
    let problem = if text.trim().is_empty() {
        "must not be empty".to_owned()
    } else if text.len() > limit {
        format!("must have at most {limit} bytes")
    } else if text.chars().any(char::is_control) {
        "must have no control characters".to_owned()
    } else if text.trim() != text {
        "must not begin or end with a space".to_owned()
    } else {
        return Ok(());
    };
    Err(InvalidField::invalid(field, problem))
}

/// Returns the first 16 bytes of the SHA-256 of these texts, in hexadecimal digits.
fn half_of_sha_256(texts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
    }
    hex::encode(&hash.finalize()[..16])
}
