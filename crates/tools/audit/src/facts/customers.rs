//! Customers, their versions, their loans, and the credits of the payment service.

use chrono::{DateTime, Utc};
use contracts::events::{CustomerCreated, CustomerUpdated, record};
use sqlx::FromRow;
use uuid::Uuid;

use super::state::names;

names!(KycStatus { Pending = "KYC_PENDING", Verified = "VERIFIED", Rejected = "REJECTED", Erased = "ERASED" });

names!(LoanStatus { Held = "held", Crediting = "crediting", Credited = "credited", Refused = "refused" });

#[derive(Clone, Copy, Debug, FromRow)]
pub struct Customer {
    pub uuid: Uuid,
    #[sqlx(try_from = "String")]
    pub status: KycStatus,
    pub version: i64,
    /// True if personal data is stored.
    pub has_profile: bool,
}

#[derive(Clone, Copy, Debug, FromRow)]
pub struct CustomerVersion {
    pub customer: Uuid,
    pub version: i64,
    #[sqlx(try_from = "String")]
    pub status: KycStatus,
    /// True unless an operator rejected the customer and the row does not say who.
    pub is_signed: bool,
    pub at: DateTime<Utc>,
}

/// A service that has stored personal data of a user, except a customer's profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Personal {
    pub user: Uuid,
    /// A description of the data, such as `a text of its user in an order that has ended`.
    pub what: &'static str,
    /// The time of the first such row. A row from after the account's end is not the user's: a chat of operators, for
    /// example.
    pub since: DateTime<Utc>,
}

#[derive(Clone, Debug, FromRow)]
pub struct Loan {
    pub id: String,
    pub customer: Uuid,
    pub amount: i64,
    #[sqlx(try_from = "String")]
    pub status: LoanStatus,
    /// The version of the customer that decided the loan.
    pub version: Option<i64>,
    /// When the loan was decided; for a held loan, when it was received.
    pub since: DateTime<Utc>,
    pub credited_at: Option<DateTime<Utc>>,
    /// True if payment refused the credit permanently.
    pub is_uncreditable: bool,
}

#[derive(Clone, Debug, FromRow)]
pub struct Credit {
    pub reference: String,
    pub user: Uuid,
    /// In minor units.
    pub amount: i64,
}

impl CustomerVersion {
    /// Returns the id of the version's event. The event is `CustomerCreated` for the first version and for one that
    /// follows ERASED, otherwise `CustomerUpdated`.
    pub fn event(&self, before: Option<KycStatus>) -> Uuid {
        let version = self.version;
        if before.is_none_or(|before| before == KycStatus::Erased) {
            record(self.customer, CustomerCreated { version, ..CustomerCreated::default() }).uuid
        } else {
            record(self.customer, CustomerUpdated { version, ..CustomerUpdated::default() }).uuid
        }
    }
}
