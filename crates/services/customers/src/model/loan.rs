//! A loan that an outside program has approved for a customer.

use std::fmt;

use chrono::{DateTime, Utc};
use contracts::{ids::UserId, money::Money};
use platform::number::{self, NumberError};

use super::KycStatus;

/// The id that the approving program gave the loan: 1 to 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoanId(String);

const MAX_LENGTH: usize = 64;

impl LoanId {
    /// `None` if the text is not a valid id.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        let fits = (1..=MAX_LENGTH).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        fits.then_some(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LoanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An amount of money above 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Amount(Money);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("must be a number")]
    NotANumber,
    #[error("must be above 0")]
    NotPositive,
    #[error("must have at most two decimals")]
    Decimals,
    #[error("must be at most 9999999999999.99")]
    TooLarge,
}

impl Amount {
    pub fn from_minor(minor: i64) -> Result<Self, AmountError> {
        if minor <= 0 {
            return Err(AmountError::NotPositive);
        }
        Money::from_minor(minor).map(Self).map_err(|_| AmountError::TooLarge)
    }

    /// Parses a JSON number of major units exactly.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        match number::scaled(text, 2) {
            Ok(minor) => Self::from_minor(minor),
            Err(NumberError::NotANumber) => Err(AmountError::NotANumber),
            Err(_) if text.starts_with('-') => Err(AmountError::NotPositive),
            Err(NumberError::Decimals) => Err(AmountError::Decimals),
            Err(NumberError::TooLarge) => Err(AmountError::TooLarge),
        }
    }

    pub const fn minor(self) -> i64 {
        self.0.minor()
    }
}

/// ```text
/// Held ──verified──▶ Crediting ──▶ Credited
///   │                    └──payment refuses permanently──▶ Refused
///   └──rejected, erased, or the hold has ended──▶ Refused
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LoanStatus {
    /// The user is not a customer, or the customer is being checked.
    Held,
    /// The job `credit-loans` asks the payment service until it confirms the credit or refuses it permanently.
    Crediting,
    Credited,
    Refused,
}

impl LoanStatus {
    pub const ALL: [Self; 4] = [Self::Held, Self::Crediting, Self::Credited, Self::Refused];

    /// The name in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Crediting => "crediting",
            Self::Credited => "credited",
            Self::Refused => "refused",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// The status that a loan gets from its customer's status; `None` if the user is not a customer. The statements in
    /// `repository/loans.rs` repeat this rule in SQL.
    pub const fn for_customer(customer: Option<KycStatus>) -> Self {
        match customer {
            None | Some(KycStatus::Pending) => Self::Held,
            Some(KycStatus::Verified) => Self::Crediting,
            Some(KycStatus::Rejected | KycStatus::Erased) => Self::Refused,
        }
    }
}

/// A loan received from an outside program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLoan {
    pub id: LoanId,
    pub customer: UserId,
    pub amount: Amount,
    /// When the outside program approved the loan, if known.
    pub approved_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loan {
    pub id: LoanId,
    pub customer: UserId,
    pub amount: Amount,
    pub status: LoanStatus,
    pub received_at: DateTime<Utc>,
    /// Payment's reason for refusing the credit permanently.
    pub reason: Option<String>,
}

#[cfg(test)]
mod tests {
    use contracts::money::MAX;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_amount_is_read_exactly(minor in 1..=MAX) {
            let major = Money::from_minor(minor).unwrap().to_major();

            prop_assert_eq!(Amount::parse(&major.to_string()).map(Amount::minor), Ok(minor));
        }
    }
}
