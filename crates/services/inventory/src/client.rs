//! The client of the order service, which knows the orders that exist, with inventory's identity.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use contracts::{
    ids::OrderId,
    proto::order::v1::{ListExistingOrdersRequest, order_service_client::OrderServiceClient},
};
use platform::{
    deadline,
    grpc::{Peer, Unavailable, is_transient},
    retry::Budget,
};
use uuid::Uuid;

/// The orders that exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Existing {
    /// In any status.
    pub all: HashSet<OrderId>,
    /// Those that wait for payment.
    pub unpaid: HashSet<OrderId>,
}

#[async_trait]
pub trait ExistingOrders: Send + Sync {
    /// Returns which of the orders exist. The caller must pass at most 1 000 orders.
    async fn existing(&self, orders: &[OrderId]) -> Result<Existing, Unavailable>;
}

/// Limits one look-up, retries included.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

pub struct GrpcExistingOrders {
    client: OrderServiceClient<Peer>,
    budget: Budget,
}

impl GrpcExistingOrders {
    /// Creates the client. `order` must carry this service's identity.
    pub fn new(order: Peer) -> Self {
        Self { client: OrderServiceClient::new(order), budget: Budget::new("order") }
    }
}

#[async_trait]
impl ExistingOrders for GrpcExistingOrders {
    async fn existing(&self, orders: &[OrderId]) -> Result<Existing, Unavailable> {
        let order_uuids: Vec<String> = orders.iter().map(OrderId::to_string).collect();
        let call = self.budget.retry(is_transient, || {
            let mut client = self.client.clone();
            let request = ListExistingOrdersRequest { order_uuids: order_uuids.clone() };
            async move { client.list_existing_orders(request).await }
        });
        let response = deadline::within(CALL_TIMEOUT, call).await;
        let existing = response.map_err(|status| Unavailable::of("order", &status))?.into_inner();
        Ok(Existing {
            all: parse("order_uuids", &existing.order_uuids)?,
            unpaid: parse("unpaid_order_uuids", &existing.unpaid_order_uuids)?,
        })
    }
}

fn parse(field: &str, uuids: &[String]) -> Result<HashSet<OrderId>, Unavailable> {
    let parsed = uuids.iter().map(|uuid| Uuid::try_parse(uuid).map(OrderId::new)).collect::<Result<_, _>>();
    parsed.map_err(|error| Unavailable("order", format!("{field}: {error}")))
}
