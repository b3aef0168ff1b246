//! `UpdateCustomer`: replaces the data of the session's customer and starts a check of the new data.

use contracts::proto::customers::v1::{UpdateCustomerRequest, UpdateCustomerResponse};
use platform::grpc::{caller, parse_uuid};
use tonic::{Request, Response, Status};

use super::{encode, user};
use crate::{error::Error, service::CustomerService};

pub async fn handle(
    service: &CustomerService,
    request: Request<UpdateCustomerRequest>,
) -> Result<Response<UpdateCustomerResponse>, Status> {
    let user = user(&request)?;
    let caller = caller(&request)?;
    let UpdateCustomerRequest { name, address, birth_date, version, customer_id } = request.into_inner();
    if !customer_id.is_empty() && !caller.admits(parse_uuid("customer_id", &customer_id)?) {
        return Err(Error::NotFound.into());
    }
    let profile = encode::profile(name, address, &birth_date)?;

    let customer = service.update(user, &profile, version).await?;

    Ok(Response::new(UpdateCustomerResponse { customer: Some(encode::customer(customer)) }))
}
