//! Batches reservations: one call to inventory reserves the parts of several waiting orders.

use std::time::Duration;

use contracts::proto::inventory::v1::{
    Refusal, ReservePartsForAllRequest, ReservePartsRequest, ReservePartsResponse, ReservePartsResult,
    inventory_service_client::InventoryServiceClient, reserve_parts_result,
};
use platform::{
    batcher::{Batcher, Entry, Limits, NotAnswered},
    deadline,
    grpc::{Carries, Peer, is_transient, with_details},
    retry::Budget,
};
use tonic::{Code, Request, Status};
use tracing::{Instrument as _, Span};

/// The maximum number of orders in one call. The contract of `ReservePartsForAll` sets it.
const MAX_BATCH: usize = 64;
/// The maximum number of lines of an order that shares a call. An order with more lines gets its own call, so that a
/// shared call stays below the maximum message size of 256 KiB: a line takes some 60 bytes in the request or the
/// response.
const MAX_SHARED_LINES: usize = 50;
/// `overlap_after` is far longer than a call takes, and far shorter than its time limit.
const BATCHES: Limits = Limits { batch: MAX_BATCH, overlap_after: Duration::from_millis(50), max_concurrent: 16 };
/// The time limit of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

type ReserveResult = Result<ReservePartsResponse, Status>;

/// Reserves parts for orders. Orders of at most [`MAX_SHARED_LINES`] lines that arrive while a call to inventory runs
/// share a later call, also if they come through different clones.
#[derive(Clone)]
pub(super) struct Reservations {
    calls: Batcher<ReservePartsRequest, ReserveResult>,
    client: InventoryServiceClient<Peer>,
    budget: Budget,
}

impl Reservations {
    pub fn new(client: InventoryServiceClient<Peer>, budget: Budget) -> Self {
        let shared = client.clone();
        let calls = Batcher::new(BATCHES, |_, _| false, move |orders| call(shared.clone(), orders));
        Self { calls, client, budget }
    }

    /// Reserves the parts of an order. A call that may have failed temporarily is retried for this order, within the
    /// retry budget.
    pub async fn reserve(&self, request: ReservePartsRequest) -> ReserveResult {
        if request.parts.len() > MAX_SHARED_LINES {
            return self.alone(&request).await;
        }
        match self.budget.retry(is_repeated, || self.together(&request)).await {
            Err(status) if status.code() == Code::Aborted => self.alone(&request).await,
            reserved => reserved,
        }
    }

    async fn together(&self, request: &ReservePartsRequest) -> ReserveResult {
        match tokio::time::timeout(deadline::remaining(CALL_TIMEOUT), self.calls.submit(request.clone())).await {
            Ok(Ok(reserved)) => reserved,
            Ok(Err(NotAnswered::Full)) => Err(Status::resource_exhausted("too many reservations wait")),
            Ok(Err(NotAnswered::Lost)) => Err(Status::unavailable("the call to inventory was lost")),
            Err(_) => Err(Status::deadline_exceeded("inventory did not answer in time")),
        }
    }

    async fn alone(&self, request: &ReservePartsRequest) -> ReserveResult {
        let call = || {
            let (mut client, request) = (self.client.clone(), request.clone());
            async move { client.reserve_parts(request).await }
        };
        Ok(self.budget.retry(is_transient, call).await?.into_inner())
    }
}

/// Returns true if an order whose shared call failed with `status` may join another shared call. After a conflict
/// (ABORTED), the order gets its own call instead.
fn is_repeated(status: &Status) -> bool {
    is_transient(status) && status.code() != Code::Aborted
}

/// Reserves for several orders and answers each.
async fn call(mut client: InventoryServiceClient<Peer>, orders: Vec<Entry<ReservePartsRequest, ReserveResult>>) {
    let span = orders.first().map_or_else(Span::none, |first| first.span.clone());
    let (requests, callers): (Vec<_>, Vec<_>) =
        orders.into_iter().map(|Entry { request, answer, .. }| (request, answer)).unzip();
    let carries = Carries(requests.len());
    let mut request = Request::new(ReservePartsForAllRequest { requests });
    request.extensions_mut().insert(carries);
    let answer = deadline::within(CALL_TIMEOUT, client.reserve_parts_for_all(request)).instrument(span).await;
    match answer {
        Ok(answer) => {
            for (caller, result) in callers.into_iter().zip(answer.into_inner().results) {
                let _ = caller.send(decode(result));
            }
        }
        Err(status) => {
            for caller in callers {
                let _ = caller.send(Err(status.clone()));
            }
        }
    }
}

fn decode(result: ReservePartsResult) -> ReserveResult {
    match result.result {
        Some(reserve_parts_result::Result::Reserved(reserved)) => Ok(reserved),
        Some(reserve_parts_result::Result::Refused(Refusal { code, message, reason, subject })) => {
            Err(with_details(Code::from(code), message, &reason, &subject))
        }
        None => Err(Status::internal("inventory answered without a result")),
    }
}
