//! gRPC client of the order service, with inventory's identity.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use contracts::{
    ids::OrderId,
    proto::order::v1::{ListExistingOrdersRequest, order_service_client::OrderServiceClient},
};
use platform::{
    deadline,
    grpc::{Peer, is_transient},
    retry::Budget,
};
use uuid::Uuid;

use super::{Existing, ExistingOrders, Unavailable};

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
        let asked = self.budget.retry(is_transient, || {
            let mut client = self.client.clone();
            let request = ListExistingOrdersRequest { order_uuids: order_uuids.clone() };
            async move { client.list_existing_orders(request).await }
        });
        let answer = match deadline::within(CALL_TIMEOUT, asked).await {
            Ok(response) => response.into_inner(),
            Err(status) => return Err(Unavailable(format!("{:?}: {}", status.code(), status.message()))),
        };
        Ok(Existing {
            all: parse("order_uuids", &answer.order_uuids)?,
            unpaid: parse("unpaid_order_uuids", &answer.unpaid_order_uuids)?,
        })
    }
}

fn parse(field: &str, uuids: &[String]) -> Result<HashSet<OrderId>, Unavailable> {
    let parsed = uuids.iter().map(|uuid| Uuid::try_parse(uuid).map(OrderId::new)).collect::<Result<_, _>>();
    parsed.map_err(|error| Unavailable(format!("{field}: {error}")))
}
