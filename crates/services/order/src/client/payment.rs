//! The gRPC client of the payment service.

use async_trait::async_trait;
use contracts::ids::{OrderId, TransactionId};
use contracts::proto::payment::v1::{
    GetPaymentRequest, PayOrderRequest, Payment as Known, PaymentMethod as Method, PaymentStatus as Phase,
    VoidAttemptRequest, payment_service_client::PaymentServiceClient,
};
use platform::{
    grpc::{self, Peer, is_transient, is_unprocessed, reason},
    retry::Budget,
};
use tonic::Code;

use super::{ChargeAnswer, Payments, Voided};
use crate::{
    error::{Error, OrderRefusal},
    model::{Attempt, Order, Payment, PaymentMethod, PaymentStatus},
};

#[derive(Clone)]
pub struct GrpcPayments {
    client: PaymentServiceClient<Peer>,
    budget: Budget,
}

impl GrpcPayments {
    pub fn new(payment: Peer) -> Self {
        Self { client: PaymentServiceClient::new(payment), budget: Budget::new("payment") }
    }
}

#[async_trait]
impl Payments for GrpcPayments {
    async fn pay(&self, order: &Order, attempt: Attempt) -> ChargeAnswer {
        let request = PayOrderRequest {
            order_uuid: order.uuid.to_string(),
            user_uuid: order.user.to_string(),
            payment_method: encode(attempt.method).into(),
            amount_minor: order.total_price.minor(),
            attempt: attempt.number.unsigned_abs(),
        };
        // The call is not retried here: the caller gets an unknown outcome, and the reconciler retries it.
        let status = match self.client.clone().pay_order(request).await {
            Ok(response) => {
                return match response.into_inner().transaction_uuid.parse() {
                    Ok(transaction) => ChargeAnswer::Charged(TransactionId::new(transaction)),
                    Err(_) => ChargeAnswer::Unknown("payment answered without a transaction".to_owned()),
                };
            }
            Err(status) => status,
        };
        match (status.code(), reason(&status)) {
            (Code::FailedPrecondition, Some("INSUFFICIENT_FUNDS")) => {
                ChargeAnswer::Declined(OrderRefusal::InsufficientFunds)
            }
            (Code::FailedPrecondition, Some("PAYMENT_DECLINED" | "ORDER_CANCELLED")) => {
                ChargeAnswer::Declined(OrderRefusal::PaymentDeclined)
            }
            // Payment's guard and its bounds refuse a call before it is executed.
            (code @ (Code::Unauthenticated | Code::PermissionDenied | Code::ResourceExhausted), _) => {
                ChargeAnswer::NotAsked(format!("{code:?}: {}", status.message()))
            }
            (code, _) if is_unprocessed(&status) => ChargeAnswer::NotAsked(format!("{code:?}: {}", status.message())),
            (code, _) => ChargeAnswer::Unknown(format!("{code:?}: {}", status.message())),
        }
    }

    async fn find(&self, order: OrderId) -> Result<Option<Payment>, Error> {
        let response = self
            .budget
            .retry(is_transient, || {
                let (mut client, order_uuid) = (self.client.clone(), order.to_string());
                async move { client.get_payment(GetPaymentRequest { order_uuid }).await }
            })
            .await;
        match response {
            Ok(response) => {
                let known = response.into_inner().payment.as_ref().and_then(decode);
                let wrong = || Error::Inconsistent("payment answered without a valid payment".to_owned());
                known.map(Some).ok_or_else(wrong)
            }
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(Error::Unavailable("payment", status.into())),
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
        match self.client.clone().void_attempt(request).await.map(|response| response.into_inner().transaction_uuid) {
            Ok(none) if none.is_empty() => Voided::Void,
            Ok(transaction) => match transaction.parse() {
                Ok(transaction) => Voided::Charged(TransactionId::new(transaction)),
                Err(_) => Voided::Unknown("payment answered without a transaction".to_owned()),
            },
            Err(status) => Voided::Unknown(format!("{:?}: {}", status.code(), status.message())),
        }
    }
}

fn decode(known: &Known) -> Option<Payment> {
    let status = match known.status() {
        Phase::Pending => PaymentStatus::Pending,
        // The payment counts as charged until the refund is complete.
        Phase::Succeeded | Phase::Refunding => PaymentStatus::Success,
        Phase::Declined if known.decline_reason == "INSUFFICIENT_FUNDS" => PaymentStatus::InsufficientFunds,
        Phase::Declined => PaymentStatus::Failed,
        Phase::Refunded => PaymentStatus::Refunded,
        Phase::Unspecified => return None,
    };
    let method = match known.payment_method() {
        Method::Card => PaymentMethod::Card,
        Method::Sbp => PaymentMethod::Sbp,
        Method::CreditCard => PaymentMethod::CreditCard,
        Method::InvestorMoney => PaymentMethod::InvestorMoney,
        Method::Unspecified => return None,
    };
    Some(Payment {
        attempt: i32::try_from(known.attempt).ok()?,
        transaction: known.transaction_uuid.parse().ok().map(TransactionId::new)?,
        method,
        status,
        created_at: grpc::time(known.created_at.as_ref()?)?,
    })
}

fn encode(method: PaymentMethod) -> Method {
    match method {
        PaymentMethod::Card => Method::Card,
        PaymentMethod::Sbp => Method::Sbp,
        PaymentMethod::CreditCard => Method::CreditCard,
        PaymentMethod::InvestorMoney => Method::InvestorMoney,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_has_the_method_with_which_it_was_asked_for() {
        for method in [PaymentMethod::Card, PaymentMethod::Sbp, PaymentMethod::CreditCard, PaymentMethod::InvestorMoney]
        {
            let known = Known {
                payment_method: encode(method).into(),
                status: Phase::Succeeded.into(),
                transaction_uuid: platform::ids::random().to_string(),
                created_at: Some(grpc::timestamp(platform::clock::now())),
                ..Known::default()
            };

            assert_eq!(decode(&known).map(|payment| payment.method), Some(method));
        }
    }
}
