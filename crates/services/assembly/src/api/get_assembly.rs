//! `GetAssembly`: the build of one order.

use contracts::{
    ids::OrderId,
    proto::assembly::v1::{Assembly, AssemblyStatus, GetAssemblyRequest, GetAssemblyResponse},
};
use platform::grpc::{caller, parse_uuid, timestamp};
use tonic::{Request, Response, Status};

use crate::{model, service::AssemblyService};

pub async fn handle(
    service: &AssemblyService,
    request: Request<GetAssemblyRequest>,
) -> Result<Response<GetAssemblyResponse>, Status> {
    let caller = caller(&request)?;
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    let build = service.find(&caller, order).await?;

    Ok(Response::new(GetAssemblyResponse { assembly: Some(encode(&build)) }))
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
