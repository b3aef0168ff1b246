//! `GetDeliveryStatus`: the delivery of one order.

use contracts::{
    ids::OrderId,
    proto::delivery::v1::{Carrier, GetDeliveryStatusRequest, GetDeliveryStatusResponse},
};
use platform::grpc::{caller, parse_uuid};
use tonic::{Request, Response, Status};

use super::location;
use crate::{
    api::status::{current_location, progress},
    model::Trip,
    service::DeliveryService,
};

pub async fn handle(
    service: &DeliveryService,
    request: Request<GetDeliveryStatusRequest>,
) -> Result<Response<GetDeliveryStatusResponse>, Status> {
    let caller = caller(&request)?;
    let order = OrderId::new(parse_uuid("order_id", &request.get_ref().order_id)?);

    let shown = service.show(&caller, order).await?;

    Ok(Response::new(GetDeliveryStatusResponse {
        order_id: order.to_string(),
        delivery_id: shown.delivery.id.to_string(),
        status: shown.delivery.status.as_str().to_owned(),
        tracking_number: shown.delivery.tracking_number.as_str().to_owned(),
        estimated_delivery: shown.delivery.estimated.to_string(),
        current_location: current_location(&shown),
        progress: progress(&shown),
        courier: shown.trip.as_ref().map(encode),
    }))
}

fn encode(trip: &Trip) -> Carrier {
    Carrier {
        id: trip.courier.to_string(),
        name: trip.name.to_string(),
        speed: trip.speed.get().cast_signed(),
        location: Some(location(trip.location)),
        steps_left: trip.steps_left().cast_signed(),
    }
}
