//! The gRPC API, the RPCs of a resource in one file.

pub mod parts;
mod reservations;

use contracts::proto::{
    DESCRIPTORS,
    inventory::v1::{
        CommitPartsRequest, CommitPartsResponse, GetPartRequest, GetPartResponse, ListPartsRequest, ListPartsResponse,
        ReleasePartsRequest, ReleasePartsResponse, ReservePartsForAllRequest, ReservePartsForAllResponse,
        ReservePartsRequest, ReservePartsResponse, RestockPartsRequest, RestockPartsResponse,
        inventory_service_server::{InventoryService as Rpc, InventoryServiceServer},
    },
};
use platform::{auth::Rule, grpc::Services};
use tonic::{Request, Response, Status};

use crate::service::InventoryService;

/// Any user may read parts. Only order may reserve, release and commit them; operators and the tool `shipyard` may
/// restock.
pub const RULES: &[Rule] = &[
    Rule::session("/inventory.v1.InventoryService/GetPart", &["order", "shipyard"]),
    Rule::session("/inventory.v1.InventoryService/ListParts", &["order", "shipyard"]),
    Rule::services("/inventory.v1.InventoryService/ReserveParts", &["order"]),
    Rule::services("/inventory.v1.InventoryService/ReservePartsForAll", &["order"]),
    Rule::services("/inventory.v1.InventoryService/ReleaseParts", &["order"]),
    Rule::services("/inventory.v1.InventoryService/CommitParts", &["order"]),
    Rule::operator("/inventory.v1.InventoryService/RestockParts", &["shipyard"]),
];

pub struct Grpc {
    service: InventoryService,
}

pub fn services(service: InventoryService) -> Services {
    Services::new(DESCRIPTORS).with(InventoryServiceServer::new(Grpc { service }))
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn get_part(&self, request: Request<GetPartRequest>) -> Result<Response<GetPartResponse>, Status> {
        parts::get_part(&self.service, request).await
    }

    async fn list_parts(&self, request: Request<ListPartsRequest>) -> Result<Response<ListPartsResponse>, Status> {
        parts::list_parts(&self.service, request).await
    }

    async fn reserve_parts(
        &self,
        request: Request<ReservePartsRequest>,
    ) -> Result<Response<ReservePartsResponse>, Status> {
        reservations::reserve_parts(&self.service, request).await
    }

    async fn reserve_parts_for_all(
        &self,
        request: Request<ReservePartsForAllRequest>,
    ) -> Result<Response<ReservePartsForAllResponse>, Status> {
        reservations::reserve_parts_for_all(&self.service, request).await
    }

    async fn release_parts(
        &self,
        request: Request<ReleasePartsRequest>,
    ) -> Result<Response<ReleasePartsResponse>, Status> {
        reservations::release_parts(&self.service, request).await
    }

    async fn commit_parts(
        &self,
        request: Request<CommitPartsRequest>,
    ) -> Result<Response<CommitPartsResponse>, Status> {
        reservations::commit_parts(&self.service, request).await
    }

    async fn restock_parts(
        &self,
        request: Request<RestockPartsRequest>,
    ) -> Result<Response<RestockPartsResponse>, Status> {
        parts::restock_parts(&self.service, request).await
    }
}
