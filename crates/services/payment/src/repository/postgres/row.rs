//! Rows of the table `payments`, and their conversions.

use chrono::{DateTime, Utc};
use contracts::{
    ids::{OrderId, TransactionId, UserId},
    money::Money,
};
use platform::postgres::DatabaseError;

use crate::{
    error::Error,
    model::{Decline, Intent, Method, Payment, ProviderName, RefundRequest, Status},
};

/// A row of `payments`. The row of an order that was cancelled before any charge is void: all its nullable columns are
/// null.
pub struct PaymentRow {
    pub transaction_uuid: TransactionId,
    pub order_uuid: OrderId,
    pub attempt: Option<i64>,
    pub user_uuid: Option<UserId>,
    pub method: Option<String>,
    pub amount: Option<i64>,
    pub provider: Option<String>,
    pub status: String,
    pub decline_reason: Option<String>,
    pub provider_reference: Option<String>,
    pub refund_number: i32,
    pub refund_reference: Option<String>,
    pub cancelled: bool,
    pub partially_refunded: i64,
    pub tries: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Expands to `sqlx::query_as!` of a statement that returns [`PaymentRow`]s. `COLUMNS` stands for their columns; it is
/// not a constant, because sqlx's macros accept literals alone.
macro_rules! query_payments {
    ($before:tt + COLUMNS $(+ $after:tt)?, $($arguments:tt)+) => {
        sqlx::query_as!(
            $crate::repository::postgres::row::PaymentRow,
            $before
                + r#"transaction_uuid as "transaction_uuid: _", order_uuid as "order_uuid: _", attempt,
                    user_uuid as "user_uuid: _", method, amount, provider, status, decline_reason, provider_reference,
                    refund_number, refund_reference, cancelled, partially_refunded, tries, created_at, updated_at"#
                $(+ $after)?,
            $($arguments)+
        )
    };
}
pub(super) use query_payments;

impl PaymentRow {
    /// Returns the payment, or `None` for a void row.
    pub fn payment(self) -> Result<Option<Payment>, Error> {
        let (Some(attempt), Some(user), Some(method), Some(amount), Some(provider)) =
            (self.attempt, self.user_uuid, self.method, self.amount, self.provider)
        else {
            return Ok(None);
        };
        let transaction = self.transaction_uuid;
        let inconsistent = |column| Error::from(DatabaseError::inconsistent("payments", column, transaction));
        let known = self.provider_reference;
        let reference = known.clone().ok_or_else(|| inconsistent("provider_reference"));
        let number = u32::try_from(self.refund_number).map_err(|_| inconsistent("refund_number"));
        let status = match self.status.as_str() {
            "pending" => Status::Pending { reference: known },
            "succeeded" => Status::Succeeded { reference: reference? },
            "refunding" => Status::Refunding {
                reference: reference?,
                request: RefundRequest { number: number?, reference: self.refund_reference },
            },
            "refunded" => Status::Refunded { reference: reference?, number: number? },
            "declined" => Status::Declined(
                self.decline_reason
                    .as_deref()
                    .and_then(Decline::parse)
                    .ok_or_else(|| inconsistent("decline_reason"))?,
            ),
            _ => return Err(inconsistent("status")),
        };
        let intent = Intent {
            transaction,
            order: self.order_uuid,
            attempt: u32::try_from(attempt).map_err(|_| inconsistent("attempt"))?,
            user,
            method: Method::parse(&method).ok_or_else(|| inconsistent("method"))?,
            amount: Money::from_minor(amount).map_err(|_| inconsistent("amount"))?,
            provider: ProviderName::parse(&provider).ok_or_else(|| inconsistent("provider"))?,
        };
        Ok(Some(Payment {
            intent,
            status,
            cancelled: self.cancelled,
            partially_refunded: Money::from_minor(self.partially_refunded)
                .map_err(|_| inconsistent("partially_refunded"))?,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }))
    }
}
