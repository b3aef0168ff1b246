//! `ReserveParts`: reserves parts for an order, as a batch of one.

use contracts::ids::{OrderId, UserId};
use contracts::proto::inventory::v1::{ReservePartsRequest, ReservePartsResponse, ReservedPart};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use super::lines;
use crate::{model::ReservedLine, repository::ReservationRequest, service::InventoryService};

pub async fn handle(
    service: &InventoryService,
    request: Request<ReservePartsRequest>,
) -> Result<Response<ReservePartsResponse>, Status> {
    let reserved = reserve(service, std::slice::from_ref(request.get_ref())).await.pop();
    reserved.unwrap_or_else(|| Err(without_result())).map(Response::new)
}

/// Reserves for all valid requests together. Returns the results in the order of the requests.
pub async fn reserve(
    service: &InventoryService,
    requests: &[ReservePartsRequest],
) -> Vec<Result<ReservePartsResponse, Status>> {
    let mut valid = Vec::with_capacity(requests.len());
    let validity: Vec<Result<(), Status>> =
        requests.iter().map(|request| decode(service, request).map(|request| valid.push(request))).collect();
    let mut reserved = service.reserve(valid).await.into_iter();
    let result = |validity: Result<(), Status>| -> Result<ReservePartsResponse, Status> {
        validity?;
        Ok(encode(reserved.next().ok_or_else(without_result)??))
    };
    validity.into_iter().map(result).collect()
}

fn without_result() -> Status {
    Status::internal("a request got no result")
}

fn decode(service: &InventoryService, request: &ReservePartsRequest) -> Result<ReservationRequest, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.order_uuid)?);
    let lines = lines::decode(&request.parts)?;
    // A replica of order of the release before names no user.
    let user = match request.user_uuid.as_str() {
        "" => None,
        user => Some(UserId::new(parse_uuid("user_uuid", user)?)),
    };
    Ok(service.request(order, user, lines, request.confirm))
}

fn encode(reserved: Vec<ReservedLine>) -> ReservePartsResponse {
    let part = |line: ReservedLine| ReservedPart {
        part_uuid: line.part.to_string(),
        quantity: line.quantity,
        unit_price_minor: line.unit_price.minor(),
    };
    ReservePartsResponse { parts: reserved.into_iter().map(part).collect() }
}
