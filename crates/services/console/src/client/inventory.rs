//! The client of inventory: parts with their stock.

use contracts::{
    events::message_json,
    proto::inventory::v1::{
        ListPartsRequest, ListPartsResponse, PartQuantity, RestockPartsRequest,
        inventory_service_client::InventoryServiceClient,
    },
};
use platform::grpc::Peer;
use serde_json::Value;
use tonic::Status;

#[derive(Clone)]
pub struct Inventory {
    client: InventoryServiceClient<Peer>,
}

impl Inventory {
    /// `inventory` forwards the credential of the request.
    pub fn new(inventory: Peer) -> Self {
        Self { client: InventoryServiceClient::new(inventory) }
    }

    pub async fn parts(&self, request: ListPartsRequest) -> Result<ListPartsResponse, Status> {
        Ok(self.client.clone().list_parts(request).await?.into_inner())
    }

    /// Returns a page of parts in the form of `inventory.v1.ListPartsResponse`.
    pub async fn parts_json(&self, request: ListPartsRequest) -> Result<Value, Status> {
        Ok(message_json("inventory.v1.ListPartsResponse", &self.parts(request).await?))
    }

    /// Adds stock on behalf of the session's user, who must be an operator. Repeated calls with the same `restock_uuid` add it once.
    pub async fn restock(&self, restock_uuid: String, part_uuid: String, quantity: i64) -> Result<(), Status> {
        let request = RestockPartsRequest {
            restock_uuid,
            parts: vec![PartQuantity { part_uuid, quantity }],
            decided_by: String::new(),
        };
        self.client.clone().restock_parts(request).await?;
        Ok(())
    }
}
