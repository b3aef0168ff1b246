//! `ReserveParts`: reserves parts for an order.

use contracts::ids::{OrderId, UserId};
use contracts::proto::inventory::v1::{ReservePartsRequest, ReservePartsResponse, ReservedPart};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use super::lines;
use crate::{model::ReservedLine, service::InventoryService};

pub async fn handle(
    service: &InventoryService,
    request: Request<ReservePartsRequest>,
) -> Result<Response<ReservePartsResponse>, Status> {
    reserve(service, request.get_ref()).await.map(Response::new)
}

pub async fn reserve(
    service: &InventoryService,
    request: &ReservePartsRequest,
) -> Result<ReservePartsResponse, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.order_uuid)?);
    let lines = lines::decode(&request.parts)?;
    // A replica of order of the release before names no user.
    let user = match request.user_uuid.as_str() {
        "" => None,
        user => Some(UserId::new(parse_uuid("user_uuid", user)?)),
    };

    let reserved = service.reserve(order, user, &lines, request.confirm).await?;

    Ok(ReservePartsResponse { parts: reserved.into_iter().map(encode).collect() })
}

fn encode(reserved: ReservedLine) -> ReservedPart {
    ReservedPart {
        part_uuid: reserved.part.to_string(),
        quantity: reserved.quantity,
        unit_price_minor: reserved.unit_price.minor(),
    }
}
