//! The gRPC API, one file per RPC.

mod add_courier;
mod add_storage_place;
mod create_delivery;
mod get_delivery_status;
mod list_couriers;

use contracts::proto::{
    DESCRIPTORS,
    delivery::v1::{
        AddCourierRequest, AddCourierResponse, AddStoragePlaceRequest, AddStoragePlaceResponse, CreateDeliveryRequest,
        CreateDeliveryResponse, GetDeliveryStatusRequest, GetDeliveryStatusResponse, ListCouriersRequest,
        ListCouriersResponse, Location,
        delivery_service_server::{DeliveryService as Rpc, DeliveryServiceServer},
    },
};
use platform::{auth::Rule, grpc::Services};
use tonic::{Request, Response, Status};

use crate::{model, service::DeliveryService};

/// Users see their own deliveries, operators see and add couriers, and only the order service creates deliveries.
pub const RULES: &[Rule] = &[
    Rule::session("/delivery.v1.DeliveryService/GetDeliveryStatus", &["order"]),
    Rule::services("/delivery.v1.DeliveryService/CreateDelivery", &["order"]),
    Rule::operator("/delivery.v1.DeliveryService/ListCouriers", &["order", "shipyard", "console"]),
    Rule::operator("/delivery.v1.DeliveryService/AddCourier", &["order", "shipyard"]),
    Rule::operator("/delivery.v1.DeliveryService/AddStoragePlace", &["order", "shipyard"]),
];

pub struct Grpc {
    service: DeliveryService,
}

pub fn services(service: DeliveryService) -> Services {
    Services::new(DESCRIPTORS).with(DeliveryServiceServer::new(Grpc { service }))
}

fn location(location: model::Location) -> Location {
    Location { x: location.x().into(), y: location.y().into() }
}

#[tonic::async_trait]
impl Rpc for Grpc {
    async fn get_delivery_status(
        &self,
        request: Request<GetDeliveryStatusRequest>,
    ) -> Result<Response<GetDeliveryStatusResponse>, Status> {
        get_delivery_status::handle(&self.service, request).await
    }

    async fn create_delivery(
        &self,
        request: Request<CreateDeliveryRequest>,
    ) -> Result<Response<CreateDeliveryResponse>, Status> {
        create_delivery::handle(&self.service, request).await
    }

    async fn list_couriers(
        &self,
        _request: Request<ListCouriersRequest>,
    ) -> Result<Response<ListCouriersResponse>, Status> {
        list_couriers::handle(&self.service).await
    }

    async fn add_courier(&self, request: Request<AddCourierRequest>) -> Result<Response<AddCourierResponse>, Status> {
        add_courier::handle(&self.service, request).await
    }

    async fn add_storage_place(
        &self,
        request: Request<AddStoragePlaceRequest>,
    ) -> Result<Response<AddStoragePlaceResponse>, Status> {
        add_storage_place::handle(&self.service, request).await
    }
}
