//! The ways in: gRPC for questions, Kafka for paid orders, and the clock for ships that are due.

mod builder;
mod get_assembly;
mod order_paid;
mod retention;

pub use builder::build_ships;
pub use order_paid::{BuildTimes, PaidOrders};
use platform::auth::Access;
use proto::assembly::v1::{
    GetAssemblyRequest, GetAssemblyResponse,
    assembly_service_server::{AssemblyService as Rpc, AssemblyServiceServer},
};
pub use retention::remove_old_rows;
use tonic::{Request, Response, Status};

use crate::service::AssemblyService;

/// Who may call what.
pub fn access(_path: &str) -> Access {
    Access::Session
}

/// The gRPC side of the service.
pub struct Grpc {
    service: AssemblyService,
}

pub fn grpc(service: AssemblyService) -> AssemblyServiceServer<Grpc> {
    AssemblyServiceServer::new(Grpc { service })
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn get_assembly(
        &self,
        request: Request<GetAssemblyRequest>,
    ) -> Result<Response<GetAssemblyResponse>, Status> {
        get_assembly::handle(&self.service, request).await
    }
}
