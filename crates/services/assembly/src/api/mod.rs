//! The gRPC API, one file per RPC.

mod get_assembly;

use contracts::proto::DESCRIPTORS;
use contracts::proto::assembly::v1::{
    GetAssemblyRequest, GetAssemblyResponse,
    assembly_service_server::{AssemblyService as Rpc, AssemblyServiceServer},
};
use platform::{auth::Access, grpc::Services};
use tonic::{Request, Response, Status};

use crate::service::AssemblyService;

/// Every RPC needs a session or a service token.
pub fn access(_path: &str) -> Access {
    Access::Session
}

pub struct Grpc {
    service: AssemblyService,
}

/// The gRPC services that the server serves.
pub fn services(service: AssemblyService) -> Services {
    Services::new(DESCRIPTORS).with(AssemblyServiceServer::new(Grpc { service }))
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
