//! A payment, from the intent to charge to the refund.

use chrono::{DateTime, Utc};
use contracts::money::Money;
use uuid::Uuid;

/// Declares an enum whose variants have one name each, in the database and for other programs.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant),*
        }

        impl $type {
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

named!(Method { Card = "CARD", Sbp = "SBP", CreditCard = "CREDIT_CARD", InvestorMoney = "INVESTOR_MONEY" });

named!(
    /// Why nothing was charged, definitely.
    Decline { Declined = "PAYMENT_DECLINED", InsufficientFunds = "INSUFFICIENT_FUNDS" }
);

named!(
    /// Who moves the money.
    ProviderName {
        /// The built-in one.
        Ledger = "ledger",
        /// One that speaks Stripe's API.
        Stripe = "stripe",
    }
);

/// What is to be charged for an order, before anybody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Intent {
    pub transaction: Uuid,
    pub order: Uuid,
    /// Counts the order's attempts from 1.
    pub attempt: u32,
    pub user: Uuid,
    pub method: Method,
    pub amount: Money,
    pub provider: ProviderName,
}

/// What came of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider's name for the charge.
    Charged {
        reference: String,
    },
    Declined(Decline),
}

/// ```text
/// Pending ──charged──▶ Succeeded ──cancel──▶ Refunding ──▶ Refunded
///    │ └──charged, and cancelled meanwhile──────▲
///    └──declined──▶ Declined
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The provider is being asked, or its answer is not known.
    Pending,
    Succeeded {
        reference: String,
    },
    Declined(Decline),
    Refunding {
        reference: String,
    },
    Refunded {
        reference: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Payment {
    pub intent: Intent,
    pub status: Status,
    /// True once the order is cancelled.
    pub cancelled: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A payment that a user makes himself: it charges nothing to an order of the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direct {
    pub transaction: Uuid,
    pub order: Uuid,
    pub user: Uuid,
    pub method: Method,
}

impl Intent {
    /// The field in which another intent for the same attempt is not the same.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        if self.user != other.user {
            Some("user_uuid")
        } else if self.method != other.method {
            Some("payment_method")
        } else if self.amount != other.amount {
            Some("amount_minor")
        } else {
            None
        }
    }
}

impl Status {
    /// Where an outcome leads from [`Pending`](Self::Pending).
    pub fn settled(outcome: &Outcome, cancelled: bool) -> Self {
        match outcome.clone() {
            Outcome::Charged { reference } if cancelled => Self::Refunding { reference },
            Outcome::Charged { reference } => Self::Succeeded { reference },
            Outcome::Declined(decline) => Self::Declined(decline),
        }
    }

    pub const fn answer(&self) -> Answer {
        match self {
            Self::Succeeded { .. } => Answer::Charged,
            Self::Declined(decline) => Answer::Declined(*decline),
            Self::Refunding { .. } | Self::Refunded { .. } => Answer::Cancelled,
            Self::Pending => Answer::InProgress,
        }
    }

    /// Where a cancellation leads: what is charged has to be given back, and nothing else changes yet.
    #[must_use]
    pub fn cancelled(self) -> Self {
        match self {
            Self::Succeeded { reference } => Self::Refunding { reference },
            other => other,
        }
    }
}

/// What an attempt meets among the payments of its order, before anybody is asked to charge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    Free,
    /// It is recorded already, or another one has the order's place.
    Taken(&'a Payment),
    /// The order is cancelled.
    Cancelled,
}

impl<'a> Place<'a> {
    /// `void` says that the order was cancelled before anything was charged for it.
    pub fn among(payments: impl IntoIterator<Item = &'a Payment>, void: bool, attempt: u32) -> Self {
        let same = |payment: &Payment| payment.intent.attempt == attempt;
        let standing = payments.into_iter().filter(|payment| same(payment) || payment.holds_place());
        match standing.max_by_key(|payment| same(payment)) {
            Some(payment) if same(payment) || !payment.cancelled => Self::Taken(payment),
            Some(_) => Self::Cancelled,
            None if void => Self::Cancelled,
            None => Self::Free,
        }
    }
}

/// What is answered to the wish to charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Charged,
    Declined(Decline),
    Cancelled,
    /// Another attempt's outcome is not known.
    InProgress,
}

/// What came of the wish that an attempt is never charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voided {
    /// Nothing is charged under it, now or later.
    Void,
    /// The order is charged already, by this transaction.
    Charged(Uuid),
    /// A charge is under way, and may come to either.
    Open,
}

impl Voided {
    /// What an order's payments leave of the wish, once the attempt has a row of its own.
    pub fn among<'a>(payments: impl IntoIterator<Item = &'a Payment>) -> Self {
        let mut voided = Self::Void;
        for payment in payments {
            match payment.status {
                Status::Succeeded { .. } => return Self::Charged(payment.intent.transaction),
                Status::Pending => voided = Self::Open,
                Status::Declined(_) | Status::Refunding { .. } | Status::Refunded { .. } => {}
            }
        }
        voided
    }
}

impl Payment {
    /// True when the order's place is taken by this payment: no other attempt may charge.
    pub fn holds_place(&self) -> bool {
        self.cancelled || !matches!(self.status, Status::Declined(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charged() -> Outcome {
        Outcome::Charged { reference: "r".to_owned() }
    }

    #[test]
    fn what_is_charged_after_the_cancellation_is_given_back() {
        assert_eq!(Status::settled(&charged(), false), Status::Succeeded { reference: "r".to_owned() });
        assert_eq!(Status::settled(&charged(), true), Status::Refunding { reference: "r".to_owned() });
    }

    #[test]
    fn a_cancellation_refunds_a_success_and_nothing_else() {
        let reference = "r".to_owned();

        assert_eq!(
            Status::Succeeded { reference: reference.clone() }.cancelled(),
            Status::Refunding { reference: reference.clone() }
        );
        for other in [Status::Pending, Status::Declined(Decline::Declined), Status::Refunded { reference }] {
            assert_eq!(other.clone().cancelled(), other);
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for method in [Method::Card, Method::Sbp, Method::CreditCard, Method::InvestorMoney] {
            assert_eq!(Method::parse(method.as_str()), Some(method));
        }
        assert_eq!(Decline::parse("NO_REASON"), None);
    }
}
