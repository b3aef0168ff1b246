//! `GetAssembly`: the build job of one order.

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

    let job = service.find(&caller, order).await?;

    Ok(Response::new(GetAssemblyResponse { assembly: Some(encode(&job)) }))
}

fn encode(job: &model::Job) -> Assembly {
    let status = match job.status {
        model::Status::Building => AssemblyStatus::Building,
        model::Status::Assembled => AssemblyStatus::Assembled,
        model::Status::Failed => AssemblyStatus::Failed,
    };
    Assembly {
        order_uuid: job.order.to_string(),
        user_uuid: job.user.to_string(),
        status: status.into(),
        build_time_sec: job.build_time_sec,
        started_at: Some(timestamp(job.started_at)),
        due_at: Some(timestamp(job.due_at)),
        finished_at: job.finished_at.map(timestamp),
    }
}
