//! `CreateDelivery`: creates a delivery that waits for a courier.

use contracts::{
    ids::{OrderId, UserId},
    proto::delivery::v1::{CreateDeliveryRequest, CreateDeliveryResponse},
};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use crate::{
    generate::Generator,
    model::{Street, Volume},
    service::DeliveryService,
};

pub async fn handle(
    service: &DeliveryService,
    request: Request<CreateDeliveryRequest>,
) -> Result<Response<CreateDeliveryResponse>, Status> {
    let CreateDeliveryRequest { order_id, user_id, delivery_address, volume } = request.into_inner();
    let order = OrderId::new(parse_uuid("order_id", &order_id)?);
    let user = UserId::new(parse_uuid("user_id", &user_id)?);
    let invalid = |field: &str, error: &dyn std::fmt::Display| Status::invalid_argument(format!("{field}: {error}"));
    let street = Street::new(delivery_address).map_err(|error| invalid("delivery_address", &error))?;
    // 0 counts as 1, as the contract says.
    let volume = if volume == 0 { 1 } else { volume };
    let volume = Volume::new(volume.into()).map_err(|error| invalid("volume", &error))?;

    let delivery = service.create(&Generator::default().delivery(order, Some(user)), &street, volume).await?;

    Ok(Response::new(CreateDeliveryResponse {
        delivery_id: delivery.id.to_string(),
        tracking_number: delivery.tracking_number.as_str().to_owned(),
        status: delivery.status.as_str().to_owned(),
        estimated_delivery: delivery.estimated.to_string(),
    }))
}
