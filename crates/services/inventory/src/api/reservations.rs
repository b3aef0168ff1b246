//! Reservations: `ReserveParts`, `ReservePartsForAll`, `ReleaseParts` and `CommitParts`.

use contracts::{
    ids::{OrderId, PartId, UserId},
    proto::inventory::v1::{
        CommitPartsRequest, CommitPartsResponse, PartQuantity, Refusal, ReleasePartsRequest, ReleasePartsResponse,
        ReservePartsForAllRequest, ReservePartsForAllResponse, ReservePartsRequest, ReservePartsResponse,
        ReservePartsResult, ReservedPart, reserve_parts_result,
    },
};
use platform::grpc::{self, invalid, parse_uuid, reason, subject};
use tonic::{Code, Request, Response, Status};

use crate::{
    model::{Lines, ReservedLine},
    repository::ReservationRequest,
    service::InventoryService,
};

pub async fn reserve_parts(
    service: &InventoryService,
    request: Request<ReservePartsRequest>,
) -> Result<Response<ReservePartsResponse>, Status> {
    let reserved = reserve(service, std::slice::from_ref(request.get_ref())).await.pop();
    reserved.unwrap_or_else(|| Err(without_result())).map(Response::new)
}

/// Reserves for all valid requests together. Returns the results in the order of the requests.
async fn reserve(
    service: &InventoryService,
    requests: &[ReservePartsRequest],
) -> Vec<Result<ReservePartsResponse, Status>> {
    let mut valid = Vec::with_capacity(requests.len());
    let validity: Vec<Result<(), Status>> =
        requests.iter().map(|request| decode(service, request).map(|request| valid.push(request))).collect();
    let mut reserved = service.reserve(valid).await.into_iter();
    let result = |validity: Result<(), Status>| -> Result<ReservePartsResponse, Status> {
        validity?;
        Ok(encode_reserved(reserved.next().ok_or_else(without_result)??))
    };
    validity.into_iter().map(result).collect()
}

fn without_result() -> Status {
    Status::internal("a request got no result")
}

fn decode(service: &InventoryService, request: &ReservePartsRequest) -> Result<ReservationRequest, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.order_uuid)?);
    let lines = decode_lines(&request.parts)?;
    // A replica of order's previous release sends no user.
    let user = match request.user_uuid.as_str() {
        "" => None,
        user => Some(UserId::new(parse_uuid("user_uuid", user)?)),
    };
    Ok(service.request(order, user, lines, request.confirm))
}

fn encode_reserved(reserved: Vec<ReservedLine>) -> ReservePartsResponse {
    let part = |line: ReservedLine| ReservedPart {
        part_uuid: line.part.to_string(),
        quantity: line.quantity,
        unit_price_minor: line.unit_price.minor(),
    };
    ReservePartsResponse { parts: reserved.into_iter().map(part).collect() }
}

/// The maximum number of orders per request.
const MAX_ORDERS: usize = 64;

pub async fn reserve_parts_for_all(
    service: &InventoryService,
    request: Request<ReservePartsForAllRequest>,
) -> Result<Response<ReservePartsForAllResponse>, Status> {
    let requests = request.into_inner().requests;
    if requests.len() > MAX_ORDERS {
        return Err(grpc::invalid("requests", format!("must have at most {MAX_ORDERS} entries")));
    }

    let results: Vec<ReservePartsResult> = reserve(service, &requests).await.into_iter().map(encode_result).collect();

    // The caller's circuit breaker counts the requests of a call that failed.
    if let Some(away) = results.first().and_then(unavailable)
        && results.iter().all(|result| unavailable(result).is_some())
    {
        return Err(Status::unavailable(&away.message));
    }
    Ok(Response::new(ReservePartsForAllResponse { results }))
}

fn encode_result(result: Result<ReservePartsResponse, Status>) -> ReservePartsResult {
    let result = match result {
        Ok(reserved) => reserve_parts_result::Result::Reserved(reserved),
        Err(status) => reserve_parts_result::Result::Refused(refusal(&status)),
    };
    ReservePartsResult { result: Some(result) }
}

/// Returns the refusal of a request that could not be handled now.
fn unavailable(result: &ReservePartsResult) -> Option<&Refusal> {
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

pub async fn release_parts(
    service: &InventoryService,
    request: Request<ReleasePartsRequest>,
) -> Result<Response<ReleasePartsResponse>, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    service.release(order).await?;

    Ok(Response::new(ReleasePartsResponse {}))
}

pub async fn commit_parts(
    service: &InventoryService,
    request: Request<CommitPartsRequest>,
) -> Result<Response<CommitPartsResponse>, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    service.commit(order).await?;

    Ok(Response::new(CommitPartsResponse {}))
}

/// The maximum number of entries per order or restock.
const MAX_ENTRIES: usize = 1_000;
/// The maximum per entry, in units of the part.
const MAX_QUANTITY: i64 = 1_000_000;

/// Fails with INVALID_ARGUMENT and a message that names the invalid field.
pub fn decode_lines(parts: &[PartQuantity]) -> Result<Lines, Status> {
    if parts.is_empty() {
        return Err(invalid("parts", "must not be empty"));
    }
    if parts.len() > MAX_ENTRIES {
        return Err(invalid("parts", format!("must have at most {MAX_ENTRIES} entries")));
    }
    let entries = parts.iter().enumerate().map(|(index, part)| {
        let uuid = grpc::uuid(&part.part_uuid).map_err(|wrong| invalid(format!("parts[{index}].part_uuid"), wrong))?;
        if !(1..=MAX_QUANTITY).contains(&part.quantity) {
            let problem = format!("must be from 1 to {MAX_QUANTITY}");
            return Err(invalid(format!("parts[{index}].quantity"), problem));
        }
        Ok((PartId::new(uuid), part.quantity))
    });
    entries.collect()
}
