//! `ReservePartsForAll`: reserves parts for several orders, each by itself.

use contracts::proto::inventory::v1::{
    Refusal, ReservePartsForAllRequest, ReservePartsForAllResponse, ReservePartsResponse, ReservePartsResult,
    reserve_parts_result,
};
use platform::grpc::{self, reason, subject};
use tonic::{Code, Request, Response, Status};

use super::reserve_parts;
use crate::service::InventoryService;

/// The maximum per request.
const MAX_ORDERS: usize = 64;

pub async fn handle(
    service: &InventoryService,
    request: Request<ReservePartsForAllRequest>,
) -> Result<Response<ReservePartsForAllResponse>, Status> {
    let requests = request.into_inner().requests;
    if requests.len() > MAX_ORDERS {
        return Err(grpc::invalid("requests", format!("must have at most {MAX_ORDERS} entries")));
    }

    let results: Vec<ReservePartsResult> =
        reserve_parts::reserve(service, &requests).await.into_iter().map(encode).collect();

    // The caller's circuit breaker counts the requests of a call that failed.
    if let Some(away) = results.first().and_then(unavailable)
        && results.iter().all(|result| unavailable(result).is_some())
    {
        return Err(Status::unavailable(&away.message));
    }
    Ok(Response::new(ReservePartsForAllResponse { results }))
}

fn encode(result: Result<ReservePartsResponse, Status>) -> ReservePartsResult {
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
