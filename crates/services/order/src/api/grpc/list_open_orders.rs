//! `ListOpenOrders`: tells iam which orders of a user are open.

use contracts::{
    ids::{OrderId, UserId},
    proto::order::v1::{ListOpenOrdersRequest, ListOpenOrdersResponse},
};
use platform::grpc::parse_uuid;
use tonic::{Request, Response, Status};

use super::status;
use crate::service::OrderService;

/// The maximum number of orders in a response.
const MAX_ORDERS: u8 = 20;

pub async fn handle(
    service: &OrderService,
    request: Request<ListOpenOrdersRequest>,
) -> Result<Response<ListOpenOrdersResponse>, Status> {
    let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);

    let (oldest, total) = service.open(user, MAX_ORDERS).await.map_err(status)?;

    let order_uuids = oldest.iter().map(OrderId::to_string).collect();
    Ok(Response::new(ListOpenOrdersResponse { order_uuids, total }))
}
