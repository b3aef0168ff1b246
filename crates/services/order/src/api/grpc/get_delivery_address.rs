//! `GetDeliveryAddress`: returns the delivery address of an order to the delivery service.

use contracts::ids::OrderId;
use contracts::proto::order::v1::{GetDeliveryAddressRequest, GetDeliveryAddressResponse};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use super::status;
use crate::service::DeliveryService;

pub async fn handle(
    service: &DeliveryService,
    request: Request<GetDeliveryAddressRequest>,
) -> Result<Response<GetDeliveryAddressResponse>, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    let destination = service.destination(order).await.map_err(status)?;

    let volume = i32::try_from(destination.volume).map_err(|_| Status::internal("the order has too many parts"))?;
    Ok(Response::new(GetDeliveryAddressResponse { address: destination.address.into_string(), volume }))
}
