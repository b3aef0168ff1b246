//! `VoidAttempt`: an attempt to pay an order is never charged.

use contracts::proto::payment::v1::{VoidAttemptRequest, VoidAttemptResponse};
use platform::{grpc::parse_uuid, ids};
use tonic::{Request, Response, Status};

use super::pay_order::{amount, attempt, method};
use crate::{
    error::Error,
    model::Voided,
    service::{Charge, PaymentService},
};

pub async fn handle(
    service: &PaymentService,
    request: Request<VoidAttemptRequest>,
) -> Result<Response<VoidAttemptResponse>, Status> {
    let request = request.into_inner();
    let order = parse_uuid("order_uuid", &request.order_uuid)?;
    let user = parse_uuid("user_uuid", &request.user_uuid)?;
    let method = method(request.payment_method)?;
    let (amount, attempt) = (amount(request.amount_minor)?, attempt(request.attempt)?);

    let voided = service.void(&Charge { order, attempt, user, method, amount }, ids::random()).await?;

    match voided {
        Voided::Void => Ok(Response::new(VoidAttemptResponse { transaction_uuid: String::new() })),
        Voided::Charged(transaction) => {
            Ok(Response::new(VoidAttemptResponse { transaction_uuid: transaction.to_string() }))
        }
        Voided::Open => Err(Error::InProgress.into()),
    }
}
