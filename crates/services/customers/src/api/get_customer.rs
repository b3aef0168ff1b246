//! `GetCustomer`: shows a customer.

use contracts::{
    ids::UserId,
    proto::customers::v1::{GetCustomerRequest, GetCustomerResponse},
};
use platform::grpc::{caller, parse_uuid};
use tonic::{Request, Response, Status};

use super::encode;
use crate::service::CustomerService;

pub async fn handle(
    service: &CustomerService,
    request: Request<GetCustomerRequest>,
) -> Result<Response<GetCustomerResponse>, Status> {
    let caller = caller(&request)?;
    let id = UserId::new(parse_uuid("customer_id", &request.get_ref().customer_id)?);

    let customer = service.show(&caller, id).await?;

    Ok(Response::new(GetCustomerResponse { customer: Some(encode::customer(customer)) }))
}
