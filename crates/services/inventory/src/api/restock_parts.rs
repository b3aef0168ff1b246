//! `RestockParts`: adds units to the stock of parts.

use contracts::proto::inventory::v1::{RestockPartsRequest, RestockPartsResponse};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use super::lines;
use crate::service::InventoryService;

pub async fn handle(
    service: &InventoryService,
    request: Request<RestockPartsRequest>,
) -> Result<Response<RestockPartsResponse>, Status> {
    let restock = parse_uuid("restock_uuid", &request.get_ref().restock_uuid)?;
    let lines = lines::decode(&request.get_ref().parts)?;

    service.restock(restock, &lines).await?;

    Ok(Response::new(RestockPartsResponse {}))
}
