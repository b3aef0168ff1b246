//! Restocks whose answers are lost.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use contracts::proto::inventory::v1::{
    CommitPartsRequest, CommitPartsResponse, GetPartRequest, GetPartResponse, ListPartsRequest, ListPartsResponse,
    Part, ReleasePartsRequest, ReleasePartsResponse, ReservePartsForAllRequest, ReservePartsForAllResponse,
    ReservePartsRequest, ReservePartsResponse, RestockPartsRequest, RestockPartsResponse,
    inventory_service_server::{InventoryService, InventoryServiceServer},
};
use operations::restock::restock;
use platform::{
    auth::{Access, Guard, MemorySessions, ServiceKey},
    grpc::Services,
    ids,
    server::readiness::Readiness,
};
use testkit::Running;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};
use uuid::Uuid;

/// The parts of the stand-in: more than inventory accepts in one call.
const PARTS: u128 = 1_500;

/// A stand-in for inventory, which adds each restock once.
#[derive(Clone, Default)]
struct Inventory(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    stock: HashMap<String, i64>,
    restocks: HashSet<String>,
    /// How many of the next restocks take effect without an answer.
    losses: usize,
}

impl Inventory {
    async fn serve(&self) -> (String, Running) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let key = ServiceKey::new("inventory", &testkit::SERVICE_KEY.into()).unwrap();
        let guard = Guard::new(Arc::new(MemorySessions::default()), key, &[]).otherwise(Access::Public);
        let services = Services::new(contracts::proto::DESCRIPTORS).with(InventoryServiceServer::new(self.clone()));
        (address, testkit::run(|stop| services.serve(listener, guard, Readiness::default(), stop)))
    }
}

fn not_served<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("the stand-in for inventory only lists and restocks its parts"))
}

#[tonic::async_trait]
impl InventoryService for Inventory {
    async fn list_parts(&self, _: Request<ListPartsRequest>) -> Result<Response<ListPartsResponse>, Status> {
        let state = self.0.lock().unwrap();
        let parts = (0..PARTS).map(|number| {
            let uuid = Uuid::from_u128(number).to_string();
            Part { stock_quantity: state.stock.get(&uuid).copied().unwrap_or_default(), uuid, ..Part::default() }
        });
        Ok(Response::new(ListPartsResponse { parts: parts.collect(), ..ListPartsResponse::default() }))
    }

    async fn restock_parts(
        &self,
        request: Request<RestockPartsRequest>,
    ) -> Result<Response<RestockPartsResponse>, Status> {
        let RestockPartsRequest { restock_uuid, parts } = request.into_inner();
        let mut state = self.0.lock().unwrap();
        if state.restocks.insert(restock_uuid) {
            for part in parts {
                *state.stock.entry(part.part_uuid).or_default() += part.quantity;
            }
        }
        if state.losses > 0 {
            state.losses -= 1;
            return Err(Status::unavailable("the answer is lost"));
        }
        Ok(Response::new(RestockPartsResponse {}))
    }

    async fn get_part(&self, _: Request<GetPartRequest>) -> Result<Response<GetPartResponse>, Status> {
        not_served()
    }

    async fn reserve_parts(&self, _: Request<ReservePartsRequest>) -> Result<Response<ReservePartsResponse>, Status> {
        not_served()
    }

    async fn reserve_parts_for_all(
        &self,
        _: Request<ReservePartsForAllRequest>,
    ) -> Result<Response<ReservePartsForAllResponse>, Status> {
        not_served()
    }

    async fn release_parts(&self, _: Request<ReleasePartsRequest>) -> Result<Response<ReleasePartsResponse>, Status> {
        not_served()
    }

    async fn commit_parts(&self, _: Request<CommitPartsRequest>) -> Result<Response<CommitPartsResponse>, Status> {
        not_served()
    }
}

#[tokio::test]
async fn a_restock_whose_answers_are_lost_is_completed_under_its_key_and_adds_nothing_twice() {
    let inventory = Inventory::default();
    let (address, _server) = inventory.serve().await;
    let (key, other) = (ids::random(), ids::random());
    let add = async |key, losses| {
        inventory.0.lock().unwrap().losses = losses;
        restock(&address, Some(&testkit::SERVICE_KEY.into()), None, None, 7, key).await
    };

    // The call and both of its repeats take effect without an answer.
    let failed = format!("{:#}", add(key, 3).await.unwrap_err());
    let completed = add(key, 1).await.unwrap();
    let more = add(other, 0).await.unwrap();

    assert!(failed.contains(&format!("`shipyard restock --quantity 7 --key {key}` completes it")), "{failed}");
    assert_eq!(completed.len(), usize::try_from(PARTS).unwrap());
    assert!(completed.iter().all(|part| part.stock_quantity == 7), "{completed:?}");
    assert!(more.iter().all(|part| part.stock_quantity == 14), "{more:?}");
}
