//! The ways in: gRPC to pay and to ask, Kafka for cancelled orders, and the clock for what is not finished.

mod finisher;
mod get_payment;
mod order_cancelled;
mod pay_order;
mod refund;
mod void_attempt;

pub use finisher::finish_payments;
pub use order_cancelled::CancelledOrders;
use platform::auth::Access;
use proto::payment::v1::{
    GetPaymentRequest, GetPaymentResponse, PayOrderRequest, PayOrderResponse, RefundRequest, RefundResponse,
    VoidAttemptRequest, VoidAttemptResponse,
    payment_service_server::{PaymentService as Rpc, PaymentServiceServer},
};
use tonic::{Request, Response, Status};

use crate::service::PaymentService;

/// Who may call what.
pub fn access(path: &str) -> Access {
    match path {
        "/payment.v1.PaymentService/Refund" | "/payment.v1.PaymentService/VoidAttempt" => Access::Service,
        _ => Access::Session,
    }
}

/// The gRPC side of the service.
pub struct Grpc {
    service: PaymentService,
}

pub fn grpc(service: PaymentService) -> PaymentServiceServer<Grpc> {
    PaymentServiceServer::new(Grpc { service })
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn pay_order(&self, request: Request<PayOrderRequest>) -> Result<Response<PayOrderResponse>, Status> {
        pay_order::handle(&self.service, request).await
    }

    async fn void_attempt(
        &self,
        request: Request<VoidAttemptRequest>,
    ) -> Result<Response<VoidAttemptResponse>, Status> {
        void_attempt::handle(&self.service, request).await
    }

    async fn get_payment(&self, request: Request<GetPaymentRequest>) -> Result<Response<GetPaymentResponse>, Status> {
        get_payment::handle(&self.service, request).await
    }

    async fn refund(&self, request: Request<RefundRequest>) -> Result<Response<RefundResponse>, Status> {
        refund::handle(&self.service, request).await
    }
}
