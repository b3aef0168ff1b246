//! Payment over gRPC.

use async_trait::async_trait;
use contracts::ids::TransactionId;
use contracts::proto::payment::v1::{
    PayOrderRequest, PaymentMethod as Method, VoidAttemptRequest, payment_service_client::PaymentServiceClient,
};
use platform::grpc::{Peer, reason};
use tonic::Code;

use super::{Payment, Payments, Voided};
use crate::{
    error::Refusal,
    model::{Attempt, Order, PaymentMethod},
};

#[derive(Clone)]
pub struct GrpcPayments {
    client: PaymentServiceClient<Peer>,
}

impl GrpcPayments {
    pub fn new(payment: Peer) -> Self {
        Self { client: PaymentServiceClient::new(payment) }
    }
}

#[async_trait]
impl Payments for GrpcPayments {
    async fn pay(&self, order: &Order, attempt: Attempt) -> Payment {
        let request = PayOrderRequest {
            order_uuid: order.uuid.to_string(),
            user_uuid: order.user.to_string(),
            payment_method: encode(attempt.method).into(),
            amount_minor: order.total_price.minor(),
            attempt: attempt.number.unsigned_abs(),
        };
        // Not retried here: the caller learns that the outcome is unknown, and the reconciler asks again.
        let status = match self.client.clone().pay_order(request).await {
            Ok(answer) => {
                return match answer.into_inner().transaction_uuid.parse() {
                    Ok(transaction) => Payment::Charged(TransactionId::new(transaction)),
                    Err(_) => Payment::Unknown("payment answered without a transaction".to_owned()),
                };
            }
            Err(status) => status,
        };
        match (status.code(), reason(&status)) {
            (Code::FailedPrecondition, Some("INSUFFICIENT_FUNDS")) => Payment::Declined(Refusal::InsufficientFunds),
            (Code::FailedPrecondition, Some("PAYMENT_DECLINED" | "ORDER_CANCELLED")) => {
                Payment::Declined(Refusal::PaymentDeclined)
            }
            _ => Payment::Unknown(format!("{:?}: {}", status.code(), status.message())),
        }
    }

    async fn void(&self, order: &Order, attempt: Attempt) -> Voided {
        let request = VoidAttemptRequest {
            order_uuid: order.uuid.to_string(),
            user_uuid: order.user.to_string(),
            payment_method: encode(attempt.method).into(),
            amount_minor: order.total_price.minor(),
            attempt: attempt.number.unsigned_abs(),
        };
        match self.client.clone().void_attempt(request).await.map(|answer| answer.into_inner().transaction_uuid) {
            Ok(none) if none.is_empty() => Voided::Void,
            Ok(transaction) => match transaction.parse() {
                Ok(transaction) => Voided::Charged(TransactionId::new(transaction)),
                Err(_) => Voided::Unknown("payment answered without a transaction".to_owned()),
            },
            // A payment service of an older version does not implement the call: the attempt stays open until it is upgraded.
            Err(status) => Voided::Unknown(format!("{:?}: {}", status.code(), status.message())),
        }
    }
}

fn encode(method: PaymentMethod) -> Method {
    match method {
        PaymentMethod::Card => Method::Card,
        PaymentMethod::Sbp => Method::Sbp,
        PaymentMethod::CreditCard => Method::CreditCard,
        PaymentMethod::InvestorMoney => Method::InvestorMoney,
    }
}
