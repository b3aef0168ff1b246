//! The gRPC API, one file per RPC.

mod get_assembly;

use contracts::proto::DESCRIPTORS;
use contracts::proto::assembly::v1::{
    GetAssemblyRequest, GetAssemblyResponse,
    assembly_service_server::{AssemblyService as Rpc, AssemblyServiceServer},
};
use platform::{auth::Rule, grpc::Services};
use tonic::{Request, Response, Status};

use crate::service::AssemblyService;

/// Users see the builds of their own orders; the order service sees all.
pub const RULES: &[Rule] = &[Rule::session("/assembly.v1.AssemblyService/GetAssembly", &["order"])];

pub struct Grpc {
    service: AssemblyService,
}

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
