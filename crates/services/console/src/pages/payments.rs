//! `GET /console/payments`: the statement of the visitor's charges and refunds, newest first.

use askama::Template;
use axum::{extract::State, response::Response};
use contracts::proto::payment::v1::{Payment, PaymentMethod, PaymentStatus};
use platform::http::query::QueryParameters;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    format::{Moment, Money, short},
    frame::{Layout, layout, page},
    refusal::{Refusal, or_missing},
    words,
};
use crate::api::{Api, Visit, of_status};

#[derive(Default, Deserialize, ToSchema)]
pub struct PaymentsQuery {
    #[serde(default)]
    page: String,
}

#[derive(Template)]
#[template(path = "payments.html")]
struct Payments {
    layout: Layout,
    payments: Vec<Payment>,
    /// The query `page` of the next page, or an empty text.
    next: String,
    /// True if this is not the first page.
    is_later_page: bool,
    problem: Option<Refusal>,
}

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    QueryParameters(query): QueryParameters<PaymentsQuery>,
) -> Response {
    let is_later_page = !query.page.is_empty();
    let (layout, read) =
        tokio::join!(layout(&api, &visit, "profile"), api.services.payments(visit.user.uuid, query.page, 0));
    let (response, status, problem) = or_missing(read.map_err(|status| of_status("payment", &status)));
    let (payments, next) = (response.payments, response.next_page_token);
    page(status, &Payments { layout, payments, next, is_later_page, problem })
}

impl Payments {
    fn short(payment: &Payment) -> &str {
        short(&payment.order_uuid)
    }

    fn words(payment: &Payment) -> &str {
        words::payment(status(payment))
    }

    fn method(payment: &Payment) -> &str {
        words::method(method(payment))
    }

    fn class(payment: &Payment) -> &'static str {
        match status(payment) {
            "SUCCESS" => "money",
            "INSUFFICIENT_FUNDS" | "FAILED" => "trouble",
            _ => "",
        }
    }

    /// Returns true if the user was charged and not refunded.
    fn is_charged(payment: &Payment) -> bool {
        status(payment) == "SUCCESS"
    }

    fn amount(payment: &Payment) -> Money {
        Money(payment.amount_minor)
    }

    /// Returns the sum of the partial refunds, if there are any.
    fn returned(payment: &Payment) -> Option<Money> {
        (payment.partially_refunded_minor > 0).then_some(Money(payment.partially_refunded_minor))
    }
}

/// Returns the state of a payment in the words of the events and of order's API.
pub fn status(payment: &Payment) -> &'static str {
    match payment.status() {
        PaymentStatus::Declined if payment.decline_reason == "INSUFFICIENT_FUNDS" => "INSUFFICIENT_FUNDS",
        PaymentStatus::Declined => "FAILED",
        PaymentStatus::Succeeded => "SUCCESS",
        PaymentStatus::Refunding | PaymentStatus::Refunded => "REFUNDED",
        PaymentStatus::Pending | PaymentStatus::Unspecified => "PENDING",
    }
}

/// Returns how an order is paid, in the words of order's API; an empty text for a method that this build does not know.
pub fn method(payment: &Payment) -> &'static str {
    match payment.payment_method() {
        PaymentMethod::Card => "CARD",
        PaymentMethod::Sbp => "SBP",
        PaymentMethod::CreditCard => "CREDIT_CARD",
        PaymentMethod::InvestorMoney => "INVESTOR_MONEY",
        PaymentMethod::Unspecified => "",
    }
}
