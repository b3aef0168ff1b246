//! `ListCouriers`: all couriers, in the order in which they were added.

use contracts::proto::delivery::v1::{Courier, ListCouriersResponse};
use tonic::{Response, Status};

use super::location;
use crate::{repository::ListedCourier, service::DeliveryService};

pub async fn handle(service: &DeliveryService) -> Result<Response<ListCouriersResponse>, Status> {
    let couriers = service.list_couriers().await?;

    Ok(Response::new(ListCouriersResponse { couriers: couriers.iter().map(encode).collect() }))
}

fn encode(courier: &ListedCourier) -> Courier {
    let steps = |target| courier.speed.steps(courier.location, target).cast_signed();
    Courier {
        id: courier.id.to_string(),
        name: courier.name.to_string(),
        speed: courier.speed.get().cast_signed(),
        location: Some(location(courier.location)),
        steps_left: courier.carries.map_or(0, |(_, _, target)| steps(target)),
        order_id: courier.carries.map_or_else(String::new, |(order, _, _)| order.to_string()),
    }
}
