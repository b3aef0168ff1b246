//! A credit: money that is added to a user's balance.

use contracts::{ids::UserId, money::Money};

/// The idempotency key of a credit, 1 to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference(String);

const MAX_LENGTH: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 characters, none of them a control character")]
pub struct ReferenceError;

impl Reference {
    pub fn new(text: impl Into<String>) -> Result<Self, ReferenceError> {
        let text = text.into();
        let fits = (1..=MAX_LENGTH).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text)) } else { Err(ReferenceError) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Executed once per reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credit {
    pub reference: Reference,
    pub user: UserId,
    pub amount: Money,
}

impl Credit {
    /// Returns the first field in which another credit with the same reference differs from this one.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.user != other.user {
            return Some("user_uuid");
        }
        (self.amount != other.amount).then_some("amount_minor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_1_to_64_characters() {
        assert!(Reference::new("я".repeat(64)).is_ok());
        for wrong in [String::new(), "x".repeat(65), "a\u{0}b".to_owned()] {
            assert_eq!(Reference::new(wrong), Err(ReferenceError));
        }
    }
}
