//! `UpdateCustomer`: replaces the data of the session's customer and starts a check of the new data.

use contracts::proto::customers::v1::{UpdateCustomerRequest, UpdateCustomerResponse};
use tonic::{Request, Response, Status};

use super::{encode, user};
use crate::service::CustomerService;

pub async fn handle(
    service: &CustomerService,
    request: Request<UpdateCustomerRequest>,
) -> Result<Response<UpdateCustomerResponse>, Status> {
    let user = user(&request)?;
    let UpdateCustomerRequest { name, address, birth_date, version } = request.into_inner();
    let profile = encode::profile(name, address, &birth_date)?;

    let customer = service.update(user, &profile, version).await?;

    Ok(Response::new(UpdateCustomerResponse { customer: Some(encode::customer(customer)) }))
}
