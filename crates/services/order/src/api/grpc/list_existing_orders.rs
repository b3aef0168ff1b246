//! `ListExistingOrders`: tells inventory which orders exist, and which of them are not paid.

use contracts::ids::OrderId;
use contracts::proto::order::v1::{ListExistingOrdersRequest, ListExistingOrdersResponse};
use platform::grpc::{self, parse_uuid};
use tonic::{Request, Response, Status};

use super::status;
use crate::{model, service::OrderService};

/// The maximum number of orders in a request.
const MAX_ORDERS: usize = 1000;

pub async fn handle(
    service: &OrderService,
    request: Request<ListExistingOrdersRequest>,
) -> Result<Response<ListExistingOrdersResponse>, Status> {
    let uuids = request.into_inner().order_uuids;
    if uuids.len() > MAX_ORDERS {
        return Err(grpc::invalid("order_uuids", format!("must have at most {MAX_ORDERS} entries")));
    }
    let orders: Result<Vec<OrderId>, Status> =
        uuids.iter().map(|uuid| Ok(OrderId::new(parse_uuid("order_uuids", uuid)?))).collect();

    let existing = service.existing(&orders?).await.map_err(status)?;

    let is_unpaid = |(_, status): &(&OrderId, &model::Status)| **status == model::Status::PendingPayment;
    Ok(Response::new(ListExistingOrdersResponse {
        order_uuids: existing.keys().map(OrderId::to_string).collect(),
        unpaid_order_uuids: existing.iter().filter(is_unpaid).map(|(order, _)| order.to_string()).collect(),
    }))
}
