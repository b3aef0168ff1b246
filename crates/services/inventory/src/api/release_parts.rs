//! `ReleaseParts`: releases an order's reservation.

use contracts::ids::OrderId;
use contracts::proto::inventory::v1::{ReleasePartsRequest, ReleasePartsResponse};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use crate::service::InventoryService;

pub async fn handle(
    service: &InventoryService,
    request: Request<ReleasePartsRequest>,
) -> Result<Response<ReleasePartsResponse>, Status> {
    let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

    service.release(order).await?;

    Ok(Response::new(ReleasePartsResponse {}))
}
