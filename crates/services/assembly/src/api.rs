//! The gRPC API.

use contracts::{
    ids::OrderId,
    proto::{
        DESCRIPTORS,
        assembly::v1::{
            Assembly, AssemblyStatus, GetAssemblyRequest, GetAssemblyResponse,
            assembly_service_server::{AssemblyService as Rpc, AssemblyServiceServer},
        },
    },
};
use platform::{
    auth::Rule,
    grpc::{Services, caller, parse_uuid, timestamp},
};
use tonic::{Request, Response, Status};

use crate::{model, service::AssemblyService};

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
        let caller = caller(&request)?;
        let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

        let build = self.service.find(&caller, order).await?;

        Ok(Response::new(GetAssemblyResponse { assembly: Some(encode(&build)) }))
    }
}

fn encode(build: &model::Build) -> Assembly {
    let status = match build.status {
        model::Status::Building => AssemblyStatus::Building,
        model::Status::Assembled => AssemblyStatus::Assembled,
        model::Status::Failed => AssemblyStatus::Failed,
    };
    Assembly {
        order_uuid: build.order.to_string(),
        user_uuid: build.user.to_string(),
        status: status.into(),
        build_time_sec: build.build_time_sec,
        started_at: Some(timestamp(build.started_at)),
        due_at: Some(timestamp(build.due_at)),
        finished_at: build.finished_at.map(timestamp),
    }
}
