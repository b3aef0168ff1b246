//! Client of the order service, which knows a user's open orders. It has iam's identity.

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    ids::{OrderId, UserId},
    proto::order::v1::{ListOpenOrdersRequest, order_service_client::OrderServiceClient},
};
use platform::{
    deadline,
    grpc::{Peer, Unavailable, is_transient},
    retry::Budget,
};
use uuid::Uuid;

/// The orders of a user whose money or ship is still in movement.
#[async_trait]
pub trait OpenOrders: Send + Sync {
    /// Returns some of the user's open orders, oldest first, and the number of all.
    async fn of(&self, user: UserId) -> Result<(Vec<OrderId>, u32), Unavailable>;
}

/// Limits one look-up, retries included.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

pub struct GrpcOpenOrders {
    client: OrderServiceClient<Peer>,
    budget: Budget,
}

impl GrpcOpenOrders {
    /// Creates the client. `order` must carry this service's identity.
    pub fn new(order: Peer) -> Self {
        Self { client: OrderServiceClient::new(order), budget: Budget::new("order") }
    }
}

#[async_trait]
impl OpenOrders for GrpcOpenOrders {
    async fn of(&self, user: UserId) -> Result<(Vec<OrderId>, u32), Unavailable> {
        let asked = self.budget.retry(is_transient, || {
            let (mut client, request) = (self.client.clone(), ListOpenOrdersRequest { user_uuid: user.to_string() });
            async move { client.list_open_orders(request).await }
        });
        let open = match deadline::within(CALL_TIMEOUT, asked).await {
            Ok(response) => response.into_inner(),
            Err(status) => return Err(Unavailable::of("order", &status)),
        };
        let orders = open.order_uuids.iter().map(|uuid| Uuid::try_parse(uuid).map(OrderId::new));
        let orders =
            orders.collect::<Result<_, _>>().map_err(|error| Unavailable("order", format!("order_uuids: {error}")))?;
        Ok((orders, open.total))
    }
}
