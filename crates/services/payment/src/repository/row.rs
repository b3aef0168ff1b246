//! A row of `payments`, and the payment that it is.

use chrono::{DateTime, Utc};
use contracts::money::Money;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{Decline, Intent, Method, Payment, ProviderName, Status},
};

/// A row of `payments`. A void one has null wherever there may be null.
pub struct Row {
    pub transaction_uuid: Uuid,
    pub order_uuid: Uuid,
    pub attempt: Option<i64>,
    pub user_uuid: Option<Uuid>,
    pub method: Option<String>,
    pub amount: Option<i64>,
    pub provider: Option<String>,
    pub status: String,
    pub decline_reason: Option<String>,
    pub provider_reference: Option<String>,
    pub cancelled: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Row {
    /// The payment; nothing for a void row.
    pub fn payment(self) -> Result<Option<Payment>, Error> {
        let (Some(attempt), Some(user), Some(method), Some(amount), Some(provider)) =
            (self.attempt, self.user_uuid, self.method, self.amount, self.provider)
        else {
            return Ok(None);
        };
        let reference = self.provider_reference.ok_or(Error::Inconsistent("payments.provider_reference"));
        let status = match self.status.as_str() {
            "pending" => Status::Pending,
            "succeeded" => Status::Succeeded { reference: reference? },
            "refunding" => Status::Refunding { reference: reference? },
            "refunded" => Status::Refunded { reference: reference? },
            "declined" => Status::Declined(
                self.decline_reason
                    .as_deref()
                    .and_then(Decline::parse)
                    .ok_or(Error::Inconsistent("payments.decline_reason"))?,
            ),
            _ => return Err(Error::Inconsistent("payments.status")),
        };
        let intent = Intent {
            transaction: self.transaction_uuid,
            order: self.order_uuid,
            attempt: u32::try_from(attempt).map_err(|_| Error::Inconsistent("payments.attempt"))?,
            user,
            method: Method::parse(&method).ok_or(Error::Inconsistent("payments.method"))?,
            amount: Money::from_minor(amount).map_err(|_| Error::Inconsistent("payments.amount"))?,
            provider: ProviderName::parse(&provider).ok_or(Error::Inconsistent("payments.provider"))?,
        };
        Ok(Some(Payment {
            intent,
            status,
            cancelled: self.cancelled,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }))
    }
}
