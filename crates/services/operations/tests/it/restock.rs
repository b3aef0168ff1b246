//! Restocks whose responses are lost, and keys reused for another restock.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use contracts::proto::inventory::v1::{
    ListPartsRequest, ListPartsResponse, Part, PartQuantity, RestockPartsRequest, RestockPartsResponse,
    inventory_service_server::{InventoryService, InventoryServiceServer},
};
use operations::restock::restock;
use platform::{auth::Access, grpc::Services, ids};
use testkit::Running;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// The initial number of parts of the stand-in.
const PARTS: u128 = 20;

/// A stand-in for inventory. It adds each restock once, and refuses a key reused with other parts.
#[derive(Clone, Default)]
struct Inventory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stock: HashMap<String, i64>,
    restocks: HashMap<String, Vec<PartQuantity>>,
    /// The number of parts added to the catalogue since.
    new_parts: u128,
    /// The number of the next restocks that take effect without a response.
    losses: usize,
}

impl Inventory {
    async fn start() -> (Self, String, Running) {
        let this = Self::default();
        let services = Services::new(contracts::proto::DESCRIPTORS).with(InventoryServiceServer::new(this.clone()));
        let guard = testkit::guard("inventory", &[]).otherwise(Access::Public);
        let (address, server) = testkit::serve(guard, services).await;
        (this, address.to_string(), server)
    }
}

/// Adds this quantity of every part.
async fn restock_all(address: &str, quantity: i64, key: Uuid) -> anyhow::Result<Vec<Part>> {
    restock(address, Some(&testkit::SERVICE_KEY.into()), None, None, quantity, key).await
}

#[tonic::async_trait]
impl InventoryService for Inventory {
    async fn list_parts(&self, _: Request<ListPartsRequest>) -> Result<Response<ListPartsResponse>, Status> {
        let state = self.0.lock().unwrap();
        let parts = (0..PARTS + state.new_parts).map(|number| {
            let uuid = Uuid::from_u128(number).to_string();
            Part { stock_quantity: state.stock.get(&uuid).copied().unwrap_or_default(), uuid, ..Part::default() }
        });
        Ok(Response::new(ListPartsResponse { parts: parts.collect(), ..ListPartsResponse::default() }))
    }

    async fn restock_parts(
        &self,
        request: Request<RestockPartsRequest>,
    ) -> Result<Response<RestockPartsResponse>, Status> {
        let RestockPartsRequest { restock_uuid, parts, .. } = request.into_inner();
        let mut state = self.0.lock().unwrap();
        match state.restocks.get(&restock_uuid) {
            Some(earlier) if *earlier == parts => {}
            Some(_) => return Err(Status::already_exists("parts: must be those of the restock_uuid's first request")),
            None => {
                state.restocks.insert(restock_uuid, parts.clone());
                for part in parts {
                    *state.stock.entry(part.part_uuid).or_default() += part.quantity;
                }
            }
        }
        if state.losses > 0 {
            state.losses -= 1;
            return Err(Status::unavailable("the response is lost"));
        }
        Ok(Response::new(RestockPartsResponse {}))
    }
}

#[tokio::test]
async fn a_restock_whose_responses_are_lost_is_completed_under_its_key_and_adds_nothing_twice() {
    let (inventory, address, _server) = Inventory::start().await;
    let (key, other) = (ids::random(), ids::random());
    let add = async |key, losses| {
        inventory.0.lock().unwrap().losses = losses;
        restock_all(&address, 7, key).await
    };

    // The call and both retries take effect, but their responses are lost.
    let failed = format!("{:#}", add(key, 3).await.unwrap_err());
    let completed = add(key, 1).await.unwrap();
    let more = add(other, 0).await.unwrap();

    assert!(failed.contains(&format!("`shipyard restock --quantity 7 --key {key}` completes it")), "{failed}");
    assert_eq!(completed.len(), usize::try_from(PARTS).unwrap());
    assert!(completed.iter().all(|part| part.stock_quantity == 7), "{completed:?}");
    assert!(more.iter().all(|part| part.stock_quantity == 14), "{more:?}");
}

#[tokio::test]
async fn a_restock_is_completed_although_the_catalogue_has_grown() {
    let (inventory, address, _server) = Inventory::start().await;
    let key = ids::random();
    restock_all(&address, 7, key).await.unwrap();
    inventory.0.lock().unwrap().new_parts = 1;

    let stock = restock_all(&address, 7, key).await.unwrap();

    assert_eq!(stock.len(), usize::try_from(PARTS).unwrap() + 1);
    assert!(stock.iter().all(|part| part.stock_quantity == 7), "{stock:?}");
}

#[tokio::test]
async fn a_key_of_another_quantity_adds_nothing_and_is_not_recommended() {
    let (_, address, _server) = Inventory::start().await;
    let key = ids::random();
    restock_all(&address, 7, key).await.unwrap();

    let refused = format!("{:#}", restock_all(&address, 8, key).await.unwrap_err());
    let stock = restock_all(&address, 7, key).await.unwrap();

    assert!(refused.contains(&format!("the key {key} was used with another quantity")), "{refused}");
    assert!(!refused.contains("completes it"), "{refused}");
    assert!(stock.iter().all(|part| part.stock_quantity == 7), "{stock:?}");
}
