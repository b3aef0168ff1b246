//! `RollbackKyc`: an operator rejects a verified customer. Despite its name, the RPC restores no earlier data.

use contracts::{
    ids::UserId,
    proto::customers::v1::{RollbackKycRequest, RollbackKycResponse},
};
use platform::{
    auth::role_used_on,
    grpc::{self, author, parse_uuid},
};
use tonic::{Request, Response, Status};

use super::encode;
use crate::{model::Words, service::CustomerService};

pub async fn handle(
    service: &CustomerService,
    request: Request<RollbackKycRequest>,
) -> Result<Response<RollbackKycResponse>, Status> {
    let by = author(&request, "")?;
    let RollbackKycRequest { customer_id, reason } = request.into_inner();
    let id = UserId::new(parse_uuid("customer_id", &customer_id)?);
    let words = Words::new(&reason).map_err(|error| grpc::invalid("reason", error))?;
    role_used_on(id.uuid());

    let customer = service.revoke(id, words, &by).await?;

    Ok(Response::new(RollbackKycResponse { customer: Some(encode::customer(customer)) }))
}
