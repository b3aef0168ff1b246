//! `GetDeliveryAddress`: tells delivery where an order goes.

use contracts::ids::OrderId;
use contracts::proto::order::v1::{GetDeliveryAddressRequest, GetDeliveryAddressResponse};
use platform::{
    auth::Caller,
    grpc::{caller, parse_uuid},
};
use tonic::{Request, Response, Status};

use super::status;
use crate::service::DeliveryService;

/// The service that may ask: an address is personal data.
const DELIVERY: &str = "delivery";

pub async fn handle(
    service: &DeliveryService,
    request: Request<GetDeliveryAddressRequest>,
) -> Result<Response<GetDeliveryAddressResponse>, Status> {
    if caller(&request)? != Caller::Service(DELIVERY.to_owned()) {
        return Err(Status::permission_denied("the service delivery alone may ask for an address"));
    }
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    let destination = service.destination(order).await.map_err(status)?;

    let volume = i32::try_from(destination.volume).map_err(|_| Status::internal("the order has too many parts"))?;
    Ok(Response::new(GetDeliveryAddressResponse { address: destination.address.into_string(), volume }))
}
