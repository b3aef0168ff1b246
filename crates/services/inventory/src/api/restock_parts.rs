//! `RestockParts`: adds units to the stock of parts.

use contracts::{
    ids::PartId,
    proto::inventory::v1::{RestockPartsRequest, RestockPartsResponse},
};
use platform::{
    auth::role_used_on,
    grpc::{author, parse_uuid},
};
use tonic::{Request, Response, Status};

use super::lines;
use crate::service::InventoryService;

pub async fn handle(
    service: &InventoryService,
    request: Request<RestockPartsRequest>,
) -> Result<Response<RestockPartsResponse>, Status> {
    let restock = parse_uuid("restock_uuid", &request.get_ref().restock_uuid)?;
    let lines = lines::decode(&request.get_ref().parts)?;
    let by = author(&request, &request.get_ref().decided_by)?;
    // Usually a restock has one part. No restock is in an operator's own matter: an order has its parts from the start.
    role_used_on(lines.only().map_or(restock, PartId::uuid));

    service.restock(restock, &lines, &by).await?;

    Ok(Response::new(RestockPartsResponse {}))
}
