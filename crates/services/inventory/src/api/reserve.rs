//! Reserves parts for the orders of one request, each by itself.

use contracts::{
    ids::{OrderId, UserId},
    proto::inventory::v1::{
        Refusal, ReservePartsRequest, ReservePartsResponse, ReservePartsResult, ReservedPart, reserve_parts_result,
    },
};
use platform::grpc::{parse_uuid, reason, subject};
use tonic::{Code, Status};

use super::messages::decode_lines;
use crate::{model::ReservedLine, repository::ReservationRequest, service::InventoryService};

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

pub fn without_result() -> Status {
    Status::internal("a request got no result")
}

fn decode(service: &InventoryService, request: &ReservePartsRequest) -> Result<ReservationRequest, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.order_uuid)?);
    let lines = decode_lines(&request.parts)?;
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

pub fn encode_result(result: Result<ReservePartsResponse, Status>) -> ReservePartsResult {
    let result = match result {
        Ok(reserved) => reserve_parts_result::Result::Reserved(reserved),
        Err(status) => reserve_parts_result::Result::Refused(refusal(&status)),
    };
    ReservePartsResult { result: Some(result) }
}

/// Returns the refusal of a request that could not be handled now.
pub fn unavailable(result: &ReservePartsResult) -> Option<&Refusal> {
    match &result.result {
        Some(reserve_parts_result::Result::Refused(refusal)) if refusal.code == i32::from(Code::Unavailable) => {
            Some(refusal)
        }
        _ => None,
    }
}

fn refusal(status: &Status) -> Refusal {
    Refusal {
        code: status.code().into(),
        message: status.message().to_owned(),
        reason: reason(status).unwrap_or_default().to_owned(),
        subject: subject(status).unwrap_or_default().to_owned(),
    }
}
