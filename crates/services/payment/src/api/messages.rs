//! Decodes the members of requests, and encodes payments.

use std::num::NonZeroU32;

use contracts::{
    money::Money,
    proto::payment::v1::{Payment, PaymentMethod, PaymentStatus, RefundReason as RefundReasonMessage},
};
use platform::{
    cursor::Cursor,
    grpc::{invalid, timestamp},
};
use tonic::Status;

use crate::model::{self, Method, RefundReason};

pub fn method(value: i32) -> Result<Method, Status> {
    match PaymentMethod::try_from(value) {
        Ok(PaymentMethod::Card) => Ok(Method::Card),
        Ok(PaymentMethod::Sbp) => Ok(Method::Sbp),
        Ok(PaymentMethod::CreditCard) => Ok(Method::CreditCard),
        Ok(PaymentMethod::InvestorMoney) => Ok(Method::InvestorMoney),
        Ok(PaymentMethod::Unspecified) => Err(invalid("payment_method", "is required")),
        Err(_) => Err(invalid("payment_method", "is not known")),
    }
}

pub fn amount(minor: i64) -> Result<Money, Status> {
    positive(minor).map_err(|problem| invalid("amount_minor", problem))
}

pub fn positive(minor: i64) -> Result<Money, &'static str> {
    let amount = Money::from_minor(minor).ok().filter(|amount| *amount != Money::ZERO);
    amount.ok_or("must be an amount of money above 0")
}

pub fn attempt(attempt: u32) -> Result<NonZeroU32, Status> {
    NonZeroU32::new(attempt).ok_or_else(|| invalid("attempt", "must be at least 1"))
}

pub fn reason(reason: i32) -> Result<RefundReason, &'static str> {
    match RefundReasonMessage::try_from(reason) {
        Ok(RefundReasonMessage::Return) => Ok(RefundReason::Return),
        Ok(RefundReasonMessage::Goodwill) => Ok(RefundReason::Goodwill),
        Ok(RefundReasonMessage::Unspecified) | Err(_) => Err("must be REFUND_REASON_RETURN or REFUND_REASON_GOODWILL"),
    }
}

/// Decodes a page token. Returns the payment after which the page begins, or `None` for the first page.
pub fn decode_token(token: &str) -> Result<Option<Cursor>, &'static str> {
    let after = (!token.is_empty()).then(|| token.parse()).transpose();
    after.map_err(|_| "must be the next_page_token of a page")
}

pub fn encode(payment: &model::Payment) -> Payment {
    let (status, decline_reason) = match payment.status {
        model::Status::Pending { .. } => (PaymentStatus::Pending, ""),
        model::Status::Succeeded { .. } => (PaymentStatus::Succeeded, ""),
        model::Status::Declined(decline) => (PaymentStatus::Declined, decline.as_str()),
        model::Status::Refunding { .. } => (PaymentStatus::Refunding, ""),
        model::Status::Refunded { .. } => (PaymentStatus::Refunded, ""),
    };
    let method = match payment.intent.method {
        Method::Card => PaymentMethod::Card,
        Method::Sbp => PaymentMethod::Sbp,
        Method::CreditCard => PaymentMethod::CreditCard,
        Method::InvestorMoney => PaymentMethod::InvestorMoney,
    };
    Payment {
        transaction_uuid: payment.intent.transaction.to_string(),
        order_uuid: payment.intent.order.to_string(),
        user_uuid: payment.intent.user.to_string(),
        payment_method: method.into(),
        amount_minor: payment.intent.amount.minor(),
        attempt: payment.intent.attempt,
        status: status.into(),
        decline_reason: decline_reason.to_owned(),
        created_at: Some(timestamp(payment.created_at)),
        updated_at: Some(timestamp(payment.updated_at)),
        partially_refunded_minor: payment.partially_refunded.minor(),
    }
}
