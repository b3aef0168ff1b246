//! `GetPayment`: returns the payment of an order.

use contracts::ids::OrderId;
use contracts::proto::payment::v1::{GetPaymentRequest, GetPaymentResponse, Payment, PaymentMethod, PaymentStatus};
use platform::grpc::{caller, parse_uuid, timestamp};
use tonic::{Request, Response, Status};

use crate::{
    model::{self, Method},
    service::PaymentService,
};

pub async fn handle(
    service: &PaymentService,
    request: Request<GetPaymentRequest>,
) -> Result<Response<GetPaymentResponse>, Status> {
    let caller = caller(&request)?;
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    let payment = service.find(&caller, order).await?;

    Ok(Response::new(GetPaymentResponse { payment: Some(encode(&payment)) }))
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
