//! `CreateDelivery`: creates a delivery that waits for a courier.

use contracts::{
    ids::{OrderId, UserId},
    proto::delivery::v1::{CreateDeliveryRequest, CreateDeliveryResponse},
};
use platform::{grpc::uuid, invalid::InvalidFields};
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
    let mut invalid = InvalidFields::default();
    let order = invalid.check("order_id", uuid(&order_id)).map(OrderId::new);
    let user = invalid.check("user_id", uuid(&user_id)).map(UserId::new);
    let street = invalid.check("delivery_address", Street::new(delivery_address));
    // The contract says that 0 counts as 1.
    let volume = if volume == 0 { 1 } else { volume };
    let volume = invalid.check("volume", Volume::new(volume.into()));
    let (Some(order), Some(user), Some(street), Some(volume)) = (order, user, street, volume) else {
        return Err(invalid.into());
    };

    let delivery = service.create(&Generator::default().delivery(order, Some(user)), &street, volume).await?;

    Ok(Response::new(CreateDeliveryResponse {
        delivery_id: delivery.id.to_string(),
        tracking_number: delivery.tracking_number.as_str().to_owned(),
        status: delivery.status.as_str().to_owned(),
        estimated_delivery: delivery.estimated.to_string(),
    }))
}
