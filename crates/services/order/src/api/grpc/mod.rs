//! The gRPC API for other services, one file per RPC.

mod get_delivery_address;
mod list_existing_orders;
mod list_open_orders;

use contracts::proto::DESCRIPTORS;
use contracts::proto::order::v1::{
    GetDeliveryAddressRequest, GetDeliveryAddressResponse, ListExistingOrdersRequest, ListExistingOrdersResponse,
    ListOpenOrdersRequest, ListOpenOrdersResponse,
    order_service_server::{OrderService as Rpc, OrderServiceServer},
};
use platform::{auth::Rule, error_chain, grpc::Services, outage::refused, postgres::DatabaseError};
use tonic::{Request, Response, Status};

use crate::{
    error::Error,
    service::{DeliveryService, OrderService},
};

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
        get_delivery_address::handle(&self.deliveries, request).await
    }

    async fn list_existing_orders(
        &self,
        request: Request<ListExistingOrdersRequest>,
    ) -> Result<Response<ListExistingOrdersResponse>, Status> {
        list_existing_orders::handle(&self.orders, request).await
    }

    async fn list_open_orders(
        &self,
        request: Request<ListOpenOrdersRequest>,
    ) -> Result<Response<ListOpenOrdersResponse>, Status> {
        list_open_orders::handle(&self.orders, request).await
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
