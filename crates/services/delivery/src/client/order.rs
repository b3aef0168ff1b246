//! gRPC client of the order service, with delivery's identity.

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    ids::OrderId,
    proto::order::v1::{GetDeliveryAddressRequest, order_service_client::OrderServiceClient},
};
use platform::{
    deadline,
    grpc::{Peer, is_refusal, is_transient},
    retry::Budget,
};
use tonic::Code;

use super::{Address, OrderAddressError, OrderAddresses};
use crate::model::{Street, Volume};

/// Limits one look-up, retries included.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);

pub struct GrpcOrderAddresses {
    client: OrderServiceClient<Peer>,
    budget: Budget,
}

impl GrpcOrderAddresses {
    /// Creates the client. `order` must carry this service's identity.
    pub fn new(order: Peer) -> Self {
        Self { client: OrderServiceClient::new(order), budget: Budget::new("order") }
    }
}

#[async_trait]
impl OrderAddresses for GrpcOrderAddresses {
    async fn address(&self, order: OrderId) -> Result<Option<Address>, OrderAddressError> {
        let asked = self.budget.retry(is_transient, || {
            let mut client = self.client.clone();
            let request = GetDeliveryAddressRequest { order_uuid: order.to_string() };
            async move { client.get_delivery_address(request).await }
        });
        let address = match deadline::within(CALL_TIMEOUT, asked).await {
            Ok(response) => response.into_inner(),
            Err(status) if status.code() == Code::NotFound => return Ok(None),
            Err(status) => {
                let kind =
                    if is_refusal(&status) { OrderAddressError::Refused } else { OrderAddressError::Unavailable };
                return Err(kind(format!("{:?}: {}", status.code(), status.message())));
            }
        };
        // The order service has validated both values, so an error here is permanent.
        let refused = |error: String| OrderAddressError::Refused(error);
        let street = Street::new(address.address).map_err(|error| refused(format!("address: {error}")))?;
        let volume = Volume::new(address.volume.into()).map_err(|error| refused(format!("volume: {error}")))?;
        Ok(Some(Address { street, volume }))
    }
}
