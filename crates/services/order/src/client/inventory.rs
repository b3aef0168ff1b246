//! The gRPC client of the inventory service. One call reserves the parts of several waiting orders.

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    ids::{OrderId, PartId, UserId},
    money::Money,
    proto::inventory::v1::{
        ListPartsRequest, Part, PartQuantity, PartsFilter, Refusal as RefusalMessage, ReleasePartsRequest,
        ReservePartsForAllRequest, ReservePartsRequest, ReservePartsResponse, ReservePartsResult, ReservedPart,
        inventory_service_client::InventoryServiceClient, reserve_parts_result,
    },
};
use group_commit::{Batcher, Entry, Limits, SubmitError};
use platform::{
    deadline,
    grpc::{Carries, Peer, is_transient, reason, subject, with_details},
    retry::Budget,
};
use tonic::{Code, Request, Status};
use tracing::{Instrument as _, Span};

use super::{Inventory, PricedPart};
use crate::error::{Error, OrderRefusal};

#[derive(Clone)]
pub struct GrpcInventory {
    /// Its calls forward the session of the user's request, because inventory admits users to its catalogue by their
    /// session.
    catalogue: InventoryServiceClient<Peer>,
    /// Its calls carry the identity of this service, and no session.
    client: InventoryServiceClient<Peer>,
    budget: Budget,
    /// Orders of at most [`MAX_SHARED_LINES`] lines that arrive while a call runs share a later call.
    calls: Batcher<ReservePartsRequest, ReserveResult>,
}

impl GrpcInventory {
    /// Creates the client. The calls of `inventory` must carry this service's identity.
    pub fn new(inventory: Peer) -> Self {
        let catalogue = InventoryServiceClient::new(inventory.clone().forwarding_session());
        let client = InventoryServiceClient::new(inventory);
        let shared = client.clone();
        let calls = Batcher::new(BATCHES, |_, _| false, move |orders| call(shared.clone(), orders));
        Self { catalogue, client, budget: Budget::new("inventory"), calls }
    }
}

#[async_trait]
impl Inventory for GrpcInventory {
    async fn reserve(
        &self,
        order: OrderId,
        user: UserId,
        parts: &[(PartId, i64)],
        confirm: bool,
    ) -> Result<Vec<PricedPart>, Error> {
        let request = ReservePartsRequest {
            order_uuid: order.to_string(),
            parts: parts
                .iter()
                .map(|(part, quantity)| PartQuantity { part_uuid: part.to_string(), quantity: *quantity })
                .collect(),
            confirm,
            user_uuid: user.to_string(),
        };
        match self.reserve_parts(request).await {
            Ok(reserved) => reserved.parts.iter().map(decode).collect(),
            Err(status) => Err(refusal(status)),
        }
    }

    async fn named(&self, names: &[String]) -> Result<Vec<(String, PartId)>, Error> {
        let filter = PartsFilter { names: names.to_vec(), ..PartsFilter::default() };
        let request = ListPartsRequest { filter: Some(filter), ..ListPartsRequest::default() };
        let listed = self
            .budget
            .retry(is_transient, || {
                let (mut catalogue, request) = (self.catalogue.clone(), request.clone());
                async move { catalogue.list_parts(request).await }
            })
            .await;
        let parts = listed.map_err(refusal)?.into_inner().parts;
        let uuid = |part: &Part| part.uuid.parse().ok().map(PartId::new);
        Ok(parts.into_iter().filter_map(|part| uuid(&part).map(|uuid| (part.name, uuid))).collect())
    }

    async fn release(&self, order: OrderId) -> Result<(), Error> {
        let released = self
            .budget
            .retry(is_transient, || {
                let (mut client, order_uuid) = (self.client.clone(), order.to_string());
                async move { client.release_parts(ReleasePartsRequest { order_uuid }).await }
            })
            .await;
        released.map(drop).map_err(refusal)
    }
}

fn decode(part: &ReservedPart) -> Result<PricedPart, Error> {
    let wrong = || Error::Inconsistent("inventory answered without a valid reservation".to_owned());
    Ok(PricedPart {
        part: part.part_uuid.parse().map(PartId::new).map_err(|_| wrong())?,
        quantity: part.quantity,
        unit_price: Money::from_minor(part.unit_price_minor).map_err(|_| wrong())?,
    })
}

fn refusal(status: Status) -> Error {
    let part = || PartId::new(subject(&status).and_then(|part| part.parse().ok()).unwrap_or_default());
    match (status.code(), reason(&status)) {
        (Code::NotFound, _) => OrderRefusal::PartNotFound(part()).into(),
        (Code::FailedPrecondition, Some("RESERVATION_ENDED")) => OrderRefusal::ReservationLost.into(),
        (Code::FailedPrecondition, Some("TOO_MANY_RESERVED")) => OrderRefusal::TooManyReserved(part()).into(),
        (Code::FailedPrecondition, _) => OrderRefusal::OutOfStock(part()).into(),
        (Code::InvalidArgument | Code::Internal | Code::Unauthenticated | Code::PermissionDenied, _) => {
            Error::Inconsistent(format!("inventory refused a reservation: {}", status.message()))
        }
        _ => Error::Unavailable("inventory", status.into()),
    }
}

/// The maximum number of orders in one call. The contract of `ReservePartsForAll` sets it.
const MAX_BATCH: usize = 64;
/// The maximum number of lines of an order that shares a call. An order with more lines gets its own call, so that a
/// shared call stays below the maximum message size of 256 KiB: a line takes some 60 bytes in the request or the
/// response.
const MAX_SHARED_LINES: usize = 50;
/// `overlap_after` is far longer than a call takes, and far shorter than its time limit.
const BATCHES: Limits = Limits { batch: MAX_BATCH, overlap_after: Duration::from_millis(50), max_concurrent: 16 };
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

type ReserveResult = Result<ReservePartsResponse, Status>;

impl GrpcInventory {
    /// Reserves the parts of an order. A call that may have failed temporarily is retried for this order, within the
    /// retry budget.
    async fn reserve_parts(&self, request: ReservePartsRequest) -> ReserveResult {
        if request.parts.len() > MAX_SHARED_LINES {
            return self.alone(&request).await;
        }
        match self.budget.retry(may_share_again, || self.together(&request)).await {
            Err(status) if status.code() == Code::Aborted => self.alone(&request).await,
            reserved => reserved,
        }
    }

    async fn together(&self, request: &ReservePartsRequest) -> ReserveResult {
        match tokio::time::timeout(deadline::remaining(CALL_TIMEOUT), self.calls.submit(request.clone())).await {
            Ok(Ok(reserved)) => reserved,
            Ok(Err(SubmitError::Full)) => Err(Status::resource_exhausted("too many reservations wait")),
            Ok(Err(SubmitError::Lost)) => Err(Status::unavailable("the call to inventory was lost")),
            Err(_) => Err(Status::deadline_exceeded("inventory did not respond in time")),
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
fn may_share_again(status: &Status) -> bool {
    is_transient(status) && status.code() != Code::Aborted
}

/// Reserves the parts of several orders in one call, and sends each caller its result.
async fn call(mut client: InventoryServiceClient<Peer>, orders: Vec<Entry<ReservePartsRequest, ReserveResult>>) {
    let span = orders.first().map_or_else(Span::none, |first| first.span.clone());
    let (requests, callers): (Vec<_>, Vec<_>) =
        orders.into_iter().map(|Entry { request, reply, .. }| (request, reply)).unzip();
    let carries = Carries(requests.len());
    let mut request = Request::new(ReservePartsForAllRequest { requests });
    request.extensions_mut().insert(carries);
    let response = deadline::within(CALL_TIMEOUT, client.reserve_parts_for_all(request)).instrument(span).await;
    match response {
        Ok(response) => {
            for (caller, result) in callers.into_iter().zip(response.into_inner().results) {
                let _ = caller.send(decode_result(result));
            }
        }
        Err(status) => {
            for caller in callers {
                let _ = caller.send(Err(status.clone()));
            }
        }
    }
}

fn decode_result(result: ReservePartsResult) -> ReserveResult {
    match result.result {
        Some(reserve_parts_result::Result::Reserved(reserved)) => Ok(reserved),
        Some(reserve_parts_result::Result::Refused(RefusalMessage { code, message, reason, subject })) => {
            Err(with_details(Code::from(code), message, &reason, &subject))
        }
        None => Err(Status::internal("inventory answered without a result")),
    }
}
