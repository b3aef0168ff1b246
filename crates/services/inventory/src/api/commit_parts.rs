//! `CommitParts`: records that an order's reserved parts are consumed.

use contracts::ids::OrderId;
use contracts::proto::inventory::v1::{CommitPartsRequest, CommitPartsResponse};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use crate::service::InventoryService;

pub async fn handle(
    service: &InventoryService,
    request: Request<CommitPartsRequest>,
) -> Result<Response<CommitPartsResponse>, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    service.commit(order).await?;

    Ok(Response::new(CommitPartsResponse {}))
}
