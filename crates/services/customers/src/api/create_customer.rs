//! `CreateCustomer`: makes the session's user a customer and starts the check of their identity.

use contracts::proto::customers::v1::{CreateCustomerRequest, CreateCustomerResponse};
use tonic::{Request, Response, Status};

use super::{encode, user};
use crate::service::CustomerService;

pub async fn handle(
    service: &CustomerService,
    request: Request<CreateCustomerRequest>,
) -> Result<Response<CreateCustomerResponse>, Status> {
    let user = user(&request)?;
    let CreateCustomerRequest { name, address, birth_date } = request.into_inner();
    let profile = encode::profile(name, address, &birth_date)?;

    let customer = service.create(user, &profile).await?;

    Ok(Response::new(CreateCustomerResponse { customer: Some(encode::customer(customer)) }))
}
