//! The gRPC API, the RPCs of a resource in one file, and the webhook of Stripe.

mod payments;
mod refunds;
pub mod webhook;

use contracts::proto::{
    DESCRIPTORS,
    payment::v1::{
        CreditRequest, CreditResponse, GetBalanceRequest, GetBalanceResponse, GetPaymentRequest, GetPaymentResponse,
        ListPaymentsRequest, ListPaymentsResponse, PayOrderRequest, PayOrderResponse, RefundPartiallyRequest,
        RefundPartiallyResponse, RefundRequest, RefundResponse, VoidAttemptRequest, VoidAttemptResponse,
        payment_service_server::{PaymentService as Rpc, PaymentServiceServer},
    },
};
use platform::{auth::Rule, grpc::Services};
use tonic::{Request, Response, Status};

use crate::service::PaymentService;

/// Users see and make their own payments. Only order charges, voids and refunds shop orders; only customers credits
/// balances. Operators refund parts of charges.
pub const RULES: &[Rule] = &[
    Rule::session("/payment.v1.PaymentService/PayOrder", &["order"]),
    Rule::session("/payment.v1.PaymentService/GetPayment", &["order"]),
    Rule::session("/payment.v1.PaymentService/GetBalance", &["order"]),
    Rule::session("/payment.v1.PaymentService/ListPayments", &["order"]),
    Rule::services("/payment.v1.PaymentService/VoidAttempt", &["order"]),
    Rule::services("/payment.v1.PaymentService/Refund", &["order"]),
    Rule::operator("/payment.v1.PaymentService/RefundPartially", &[]),
    Rule::services("/payment.v1.PaymentService/Credit", &["customers"]),
];

pub struct Grpc {
    service: PaymentService,
}

pub fn services(service: PaymentService) -> Services {
    Services::new(DESCRIPTORS).with(PaymentServiceServer::new(Grpc { service }))
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn pay_order(&self, request: Request<PayOrderRequest>) -> Result<Response<PayOrderResponse>, Status> {
        payments::pay_order(&self.service, request).await
    }

    async fn void_attempt(
        &self,
        request: Request<VoidAttemptRequest>,
    ) -> Result<Response<VoidAttemptResponse>, Status> {
        payments::void_attempt(&self.service, request).await
    }

    async fn get_payment(&self, request: Request<GetPaymentRequest>) -> Result<Response<GetPaymentResponse>, Status> {
        payments::get_payment(&self.service, request).await
    }

    async fn list_payments(
        &self,
        request: Request<ListPaymentsRequest>,
    ) -> Result<Response<ListPaymentsResponse>, Status> {
        payments::list_payments(&self.service, request).await
    }

    async fn refund(&self, request: Request<RefundRequest>) -> Result<Response<RefundResponse>, Status> {
        refunds::refund(&self.service, request).await
    }

    async fn refund_partially(
        &self,
        request: Request<RefundPartiallyRequest>,
    ) -> Result<Response<RefundPartiallyResponse>, Status> {
        refunds::refund_partially(&self.service, request).await
    }

    async fn get_balance(&self, request: Request<GetBalanceRequest>) -> Result<Response<GetBalanceResponse>, Status> {
        payments::get_balance(&self.service, request).await
    }

    async fn credit(&self, request: Request<CreditRequest>) -> Result<Response<CreditResponse>, Status> {
        payments::credit(&self.service, request).await
    }
}
