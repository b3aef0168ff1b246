//! `VoidAttempt`: voids an attempt to charge an order, so that this attempt never charges it.

use contracts::ids::{OrderId, TransactionId, UserId};
use contracts::proto::payment::v1::{VoidAttemptRequest, VoidAttemptResponse};
use platform::{grpc::parse_uuid, ids};
use tonic::{Request, Response, Status};

use super::pay_order::{amount, attempt, method};
use crate::{
    error::Error,
    model::VoidResult,
    service::{Charge, PaymentService},
};

pub async fn handle(
    service: &PaymentService,
    request: Request<VoidAttemptRequest>,
) -> Result<Response<VoidAttemptResponse>, Status> {
    let request = request.into_inner();
    let order = OrderId::new(parse_uuid("order_uuid", &request.order_uuid)?);
    let user = UserId::new(parse_uuid("user_uuid", &request.user_uuid)?);
    let transaction = TransactionId::new(ids::random());
    let method = method(request.payment_method)?;
    let (amount, attempt) = (amount(request.amount_minor)?, attempt(request.attempt)?);

    let result = service.void(&Charge { order, attempt, user, method, amount }, transaction).await?;

    match result {
        VoidResult::Voided => Ok(Response::new(VoidAttemptResponse { transaction_uuid: String::new() })),
        VoidResult::AlreadyCharged(transaction) => {
            Ok(Response::new(VoidAttemptResponse { transaction_uuid: transaction.to_string() }))
        }
        VoidResult::InProgress => Err(Error::InProgress.into()),
    }
}
