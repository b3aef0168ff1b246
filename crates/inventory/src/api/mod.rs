//! The ways in: gRPC for buyers and services, Kafka for what becomes of orders, and the clock for what they forget.

mod background;
mod commit_parts;
mod get_part;
mod lines;
mod list_parts;
mod order_events;
mod part;
mod release_parts;
mod reserve_parts;
mod restock_parts;

pub use background::{expire, seed, sweep_inbox};
pub use order_events::{AssembledOrders, CancelledOrders, CreatedOrders};
use platform::auth::Access;
use proto::inventory::v1::{
    CommitPartsRequest, CommitPartsResponse, GetPartRequest, GetPartResponse, ListPartsRequest, ListPartsResponse,
    ReleasePartsRequest, ReleasePartsResponse, ReservePartsRequest, ReservePartsResponse, RestockPartsRequest,
    RestockPartsResponse,
    inventory_service_server::{InventoryService as Rpc, InventoryServiceServer},
};
use tonic::{Request, Response, Status};

use crate::service::InventoryService;

/// Who may call what: parts are for every user, stock for services alone.
pub fn access(path: &str) -> Access {
    match path {
        "/inventory.v1.InventoryService/GetPart" | "/inventory.v1.InventoryService/ListParts" => Access::Session,
        _ => Access::Service,
    }
}

/// The gRPC side of the service.
pub struct Grpc {
    service: InventoryService,
}

pub fn grpc(service: InventoryService) -> InventoryServiceServer<Grpc> {
    InventoryServiceServer::new(Grpc { service })
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn get_part(&self, request: Request<GetPartRequest>) -> Result<Response<GetPartResponse>, Status> {
        get_part::handle(&self.service, request).await
    }

    async fn list_parts(&self, request: Request<ListPartsRequest>) -> Result<Response<ListPartsResponse>, Status> {
        list_parts::handle(&self.service, request).await
    }

    async fn reserve_parts(
        &self,
        request: Request<ReservePartsRequest>,
    ) -> Result<Response<ReservePartsResponse>, Status> {
        reserve_parts::handle(&self.service, request).await
    }

    async fn release_parts(
        &self,
        request: Request<ReleasePartsRequest>,
    ) -> Result<Response<ReleasePartsResponse>, Status> {
        release_parts::handle(&self.service, request).await
    }

    async fn commit_parts(
        &self,
        request: Request<CommitPartsRequest>,
    ) -> Result<Response<CommitPartsResponse>, Status> {
        commit_parts::handle(&self.service, request).await
    }

    async fn restock_parts(
        &self,
        request: Request<RestockPartsRequest>,
    ) -> Result<Response<RestockPartsResponse>, Status> {
        restock_parts::handle(&self.service, request).await
    }
}
