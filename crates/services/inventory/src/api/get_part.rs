//! `GetPart`: returns one part.

use contracts::ids::PartId;
use contracts::proto::inventory::v1::{GetPartRequest, GetPartResponse};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use super::part::encode;
use crate::service::InventoryService;

pub async fn handle(
    service: &InventoryService,
    request: Request<GetPartRequest>,
) -> Result<Response<GetPartResponse>, Status> {
    let part = PartId::new(parse_uuid("uuid", &request.get_ref().uuid)?);

    let part = service.part(part).await?;

    Ok(Response::new(GetPartResponse { part: Some(encode(part)) }))
}
