//! `GET /console/payments`: the visitor's charges and refunds.

use axum::{extract::State, http::StatusCode, response::Response};
use contracts::proto::payment::v1::{ListPaymentsResponse, Payment};
use platform::http::query::QueryParameters;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    format::Money,
    frame::{layout, page},
    known::{method, payment_status},
    profile::moment,
    refusal,
    views::{
        layout::Section,
        payments::{PaymentRow, Payments},
    },
};
use crate::api::{Api, Visit, of_status};

#[derive(Default, Deserialize, ToSchema)]
pub struct PaymentsQuery {
    #[serde(default)]
    page: String,
}

pub async fn show(
    State(api): State<Api>,
    visit: Visit,
    QueryParameters(query): QueryParameters<PaymentsQuery>,
) -> Response {
    let is_later_page = !query.page.is_empty();
    let (layout, answer) =
        tokio::join!(layout(&api, &visit, Section::Profile), api.services.payments(visit.user.uuid, query.page, 0));
    let (status, answer, problem) = match answer {
        Ok(answer) => (StatusCode::OK, answer, None),
        Err(status) => {
            let problem = of_status("payment", &status);
            (refusal::status(&problem), ListPaymentsResponse::default(), Some(refusal::shown(&problem)))
        }
    };
    let view = Payments {
        layout,
        payments: answer.payments.into_iter().filter_map(row).collect(),
        next: Some(answer.next_page_token).filter(|next| !next.is_empty()),
        is_later_page,
        problem,
    };
    page(status, &view)
}

fn row(payment: Payment) -> Option<PaymentRow> {
    Some(PaymentRow {
        status: payment_status(&payment),
        method: method(&payment),
        amount: Money(payment.amount_minor),
        returned: (payment.partially_refunded_minor > 0).then_some(Money(payment.partially_refunded_minor)),
        created_at: moment(payment.created_at?)?,
        order_uuid: payment.order_uuid,
    })
}
