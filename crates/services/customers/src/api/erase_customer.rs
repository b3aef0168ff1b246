//! `EraseCustomer`: removes the personal data of the session's customer.

use contracts::proto::customers::v1::{EraseCustomerRequest, EraseCustomerResponse};
use tonic::{Request, Response, Status};

use super::{encode, user};
use crate::service::CustomerService;

pub async fn handle(
    service: &CustomerService,
    request: Request<EraseCustomerRequest>,
) -> Result<Response<EraseCustomerResponse>, Status> {
    let user = user(&request)?;

    let customer = service.erase(user).await?;

    Ok(Response::new(EraseCustomerResponse { customer: Some(encode::customer(customer)) }))
}
