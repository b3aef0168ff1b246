//! The gRPC client of the inventory service.

use async_trait::async_trait;
use contracts::ids::{OrderId, PartId, UserId};
use contracts::money::Money;
use contracts::proto::inventory::v1::{
    ListPartsRequest, Part, PartQuantity, PartsFilter, ReleasePartsRequest, ReservePartsRequest, ReservedPart,
    inventory_service_client::InventoryServiceClient,
};
use platform::{
    grpc::{Peer, is_transient, reason, subject},
    retry::Budget,
};
use tonic::{Code, Status};

use super::{Inventory, PricedPart, grouped_reservations::Reservations};
use crate::error::{Error, Refusal};

#[derive(Clone)]
pub struct GrpcInventory {
    /// Its calls forward the session of the user's request, because inventory admits users to its catalogue by their session.
    catalogue: InventoryServiceClient<Peer>,
    /// Its calls carry the identity of this service, and no session.
    client: InventoryServiceClient<Peer>,
    budget: Budget,
    reservations: Reservations,
}

impl GrpcInventory {
    /// Creates the client. The calls of `inventory` must carry this service's identity.
    pub fn new(inventory: Peer) -> Self {
        let catalogue = InventoryServiceClient::new(inventory.clone().forwarding_session());
        let client = InventoryServiceClient::new(inventory);
        let budget = Budget::new("inventory");
        let reservations = Reservations::new(client.clone(), budget.clone());
        Self { catalogue, client, budget, reservations }
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
        match self.reservations.reserve(request).await {
            Ok(answer) => answer.parts.iter().map(decode).collect(),
            Err(status) => Err(refusal(status)),
        }
    }

    async fn named(&self, names: &[String]) -> Result<Vec<(String, PartId)>, Error> {
        let filter = PartsFilter { names: names.to_vec(), ..PartsFilter::default() };
        let parts = self.list(filter).await?;
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

impl GrpcInventory {
    async fn list(&self, filter: PartsFilter) -> Result<Vec<Part>, Error> {
        let request = ListPartsRequest { filter: Some(filter), ..ListPartsRequest::default() };
        let answer = self
            .budget
            .retry(is_transient, || {
                let (mut catalogue, request) = (self.catalogue.clone(), request.clone());
                async move { catalogue.list_parts(request).await }
            })
            .await;
        Ok(answer.map_err(refusal)?.into_inner().parts)
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
        (Code::NotFound, _) => Refusal::PartNotFound(part()).into(),
        (Code::FailedPrecondition, Some("RESERVATION_ENDED")) => Refusal::ReservationLost.into(),
        (Code::FailedPrecondition, Some("TOO_MANY_RESERVED")) => Refusal::TooManyReserved(part()).into(),
        (Code::FailedPrecondition, _) => Refusal::OutOfStock(part()).into(),
        (Code::InvalidArgument | Code::Internal | Code::Unauthenticated | Code::PermissionDenied, _) => {
            Error::Inconsistent(format!("inventory refused a reservation: {}", status.message()))
        }
        _ => Error::Unavailable("inventory", status.into()),
    }
}
