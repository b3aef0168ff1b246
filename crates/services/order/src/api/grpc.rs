//! The gRPC API for other services.

use contracts::{
    ids::{OrderId, UserId},
    proto::{
        DESCRIPTORS,
        order::v1::{
            GetDeliveryAddressRequest, GetDeliveryAddressResponse, ListExistingOrdersRequest,
            ListExistingOrdersResponse, ListOpenOrdersRequest, ListOpenOrdersResponse,
            order_service_server::{OrderService as Rpc, OrderServiceServer},
        },
    },
};
use platform::{
    auth::Rule,
    error_chain,
    grpc::{self, Services, parse_uuid},
    outage::refused,
    postgres::DatabaseError,
};
use tonic::{Request, Response, Status};

use crate::{
    error::Error,
    model,
    service::{DeliveryService, OrderService},
};

/// The maximum number of orders in a request of `ListExistingOrders`.
const MAX_EXISTING_ORDERS: usize = 1000;
/// The maximum number of orders in a response of `ListOpenOrders`.
const MAX_OPEN_ORDERS: u8 = 20;

/// Users call the HTTP API instead. An address is personal data, so only the delivery service may read it.
pub const RULES: &[Rule] = &[
    Rule::services("/order.v1.OrderService/GetDeliveryAddress", &["delivery"]),
    Rule::services("/order.v1.OrderService/ListExistingOrders", &["inventory"]),
    Rule::services("/order.v1.OrderService/ListOpenOrders", &["iam"]),
];

pub struct Grpc {
    orders: OrderService,
    deliveries: DeliveryService,
}

pub fn services(orders: OrderService, deliveries: DeliveryService) -> Services {
    Services::new(DESCRIPTORS).with(OrderServiceServer::new(Grpc { orders, deliveries }))
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn get_delivery_address(
        &self,
        request: Request<GetDeliveryAddressRequest>,
    ) -> Result<Response<GetDeliveryAddressResponse>, Status> {
        let order = OrderId::new(parse_uuid("order_uuid", &request.get_ref().order_uuid)?);

        let destination = self.deliveries.destination(order).await.map_err(status)?;

        let volume = i32::try_from(destination.volume).map_err(|_| Status::internal("the order has too many parts"))?;
        Ok(Response::new(GetDeliveryAddressResponse { address: destination.address.into_string(), volume }))
    }

    async fn list_existing_orders(
        &self,
        request: Request<ListExistingOrdersRequest>,
    ) -> Result<Response<ListExistingOrdersResponse>, Status> {
        let uuids = request.into_inner().order_uuids;
        if uuids.len() > MAX_EXISTING_ORDERS {
            return Err(grpc::invalid("order_uuids", format!("must have at most {MAX_EXISTING_ORDERS} entries")));
        }
        let orders: Result<Vec<OrderId>, Status> =
            uuids.iter().map(|uuid| Ok(OrderId::new(parse_uuid("order_uuids", uuid)?))).collect();

        let existing = self.orders.existing(&orders?).await.map_err(status)?;

        let is_unpaid = |(_, status): &(&OrderId, &model::Status)| **status == model::Status::PendingPayment;
        Ok(Response::new(ListExistingOrdersResponse {
            order_uuids: existing.keys().map(OrderId::to_string).collect(),
            unpaid_order_uuids: existing.iter().filter(is_unpaid).map(|(order, _)| order.to_string()).collect(),
        }))
    }

    async fn list_open_orders(
        &self,
        request: Request<ListOpenOrdersRequest>,
    ) -> Result<Response<ListOpenOrdersResponse>, Status> {
        let user = UserId::new(parse_uuid("user_uuid", &request.get_ref().user_uuid)?);

        let (oldest, total) = self.orders.open(user, MAX_OPEN_ORDERS).await.map_err(status)?;

        let order_uuids = oldest.iter().map(OrderId::to_string).collect();
        Ok(Response::new(ListOpenOrdersResponse { order_uuids, total }))
    }
}

fn status(error: Error) -> Status {
    let message = error.to_string();
    match error {
        Error::DeliveryNotFound(_) => Status::not_found(message),
        Error::Unavailable(..) => {
            refused("dependency unavailable", error_chain(error));
            Status::unavailable(message)
        }
        Error::Database(error @ DatabaseError::Unavailable(_)) => error.into(),
        // The use cases of this API return no other errors.
        error => {
            tracing::error!(error = error_chain(error), "call failed");
            Status::internal("internal error")
        }
    }
}
