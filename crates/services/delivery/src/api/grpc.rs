//! The gRPC API.

use contracts::{
    ids::{CourierId, OrderId, UserId},
    proto::{
        DESCRIPTORS,
        delivery::v1::{
            AddCourierRequest, AddCourierResponse, AddStoragePlaceRequest, AddStoragePlaceResponse, Carrier, Courier,
            CreateDeliveryRequest, CreateDeliveryResponse, GetDeliveryStatusRequest, GetDeliveryStatusResponse,
            ListCouriersRequest, ListCouriersResponse, Location,
            delivery_service_server::{DeliveryService as Rpc, DeliveryServiceServer},
        },
    },
};
use platform::{
    auth::{Rule, role_used_on},
    grpc::{Services, caller, parse_uuid, uuid},
    invalid::InvalidFields,
};
use tonic::{Request, Response, Status};

use crate::{
    generate::Generator,
    model::{self, Name, Speed, Street, Trip, Volume},
    repository::{ListedCourier, Shown},
    service::DeliveryService,
};

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
        let caller = caller(&request)?;
        let order = OrderId::new(parse_uuid("order_id", &request.get_ref().order_id)?);

        let shown = self.service.show(&caller, order).await?;

        Ok(Response::new(GetDeliveryStatusResponse {
            order_id: order.to_string(),
            delivery_id: shown.delivery.id.to_string(),
            status: shown.delivery.status.as_str().to_owned(),
            tracking_number: shown.delivery.tracking_number.as_str().to_owned(),
            estimated_delivery: shown.delivery.estimated.to_string(),
            current_location: current_location(&shown),
            progress: progress(&shown),
            courier: shown.trip.as_ref().map(carrier),
        }))
    }

    /// Creates a delivery that waits for a courier.
    async fn create_delivery(
        &self,
        request: Request<CreateDeliveryRequest>,
    ) -> Result<Response<CreateDeliveryResponse>, Status> {
        let CreateDeliveryRequest { order_id, user_id, delivery_address, volume } = request.into_inner();
        let mut invalid = InvalidFields::default();
        let order = invalid.check("order_id", uuid(&order_id)).map(OrderId::new);
        let user = invalid.check("user_id", uuid(&user_id)).map(UserId::new);
        let street = invalid.check("delivery_address", Street::new(delivery_address));
        // The contract says that 0 counts as 1.
        let volume = if volume == 0 { 1 } else { volume };
        let volume = invalid.check("volume", Volume::new(volume.into()));
        let (Some(order), Some(user), Some(street), Some(volume)) = (order, user, street, volume) else {
            return Err(invalid.into());
        };

        let delivery = self.service.create(&Generator::default().delivery(order, Some(user)), &street, volume).await?;

        Ok(Response::new(CreateDeliveryResponse {
            delivery_id: delivery.id.to_string(),
            tracking_number: delivery.tracking_number.as_str().to_owned(),
            status: delivery.status.as_str().to_owned(),
            estimated_delivery: delivery.estimated.to_string(),
        }))
    }

    /// All couriers, in the order in which they were added.
    async fn list_couriers(
        &self,
        _request: Request<ListCouriersRequest>,
    ) -> Result<Response<ListCouriersResponse>, Status> {
        let couriers = self.service.list_couriers().await?;

        Ok(Response::new(ListCouriersResponse { couriers: couriers.iter().map(courier).collect() }))
    }

    /// Adds a courier at a random location.
    async fn add_courier(&self, request: Request<AddCourierRequest>) -> Result<Response<AddCourierResponse>, Status> {
        let AddCourierRequest { name, speed } = request.into_inner();
        let mut invalid = InvalidFields::default();
        let name = invalid.check("name", Name::new(name));
        let speed = invalid.check("speed", Speed::new(speed.into()).ok_or("must be from 1 to 100"));
        let (Some(name), Some(speed)) = (name, speed) else { return Err(invalid.into()) };
        let courier = Generator::default().courier(name, speed);

        self.service.add_courier(&courier).await?;

        Ok(Response::new(AddCourierResponse { courier_id: courier.id.to_string() }))
    }

    async fn add_storage_place(
        &self,
        request: Request<AddStoragePlaceRequest>,
    ) -> Result<Response<AddStoragePlaceResponse>, Status> {
        let AddStoragePlaceRequest { courier_id, name, total_volume } = request.into_inner();
        let mut invalid = InvalidFields::default();
        let courier = invalid.check("courier_id", uuid(&courier_id)).map(CourierId::new);
        let name = invalid.check("name", Name::new(name));
        let volume = invalid.check("total_volume", Volume::new(total_volume.into()));
        let (Some(courier), Some(name), Some(volume)) = (courier, name, volume) else { return Err(invalid.into()) };
        role_used_on(courier.uuid());
        let (id, name, volume) = Generator::default().place(name, volume);

        self.service.add_place(courier, id, &name, volume).await?;

        Ok(Response::new(AddStoragePlaceResponse { storage_place_id: id.to_string() }))
    }
}

fn carrier(trip: &Trip) -> Carrier {
    Carrier {
        id: trip.courier.to_string(),
        name: trip.name.to_string(),
        speed: trip.speed.get().cast_signed(),
        location: Some(location(trip.location)),
        steps_left: trip.steps_left().cast_signed(),
    }
}

fn courier(courier: &ListedCourier) -> Courier {
    let steps = |target| courier.speed.steps(courier.location, target).cast_signed();
    Courier {
        id: courier.id.to_string(),
        name: courier.name.to_string(),
        speed: courier.speed.get().cast_signed(),
        location: Some(location(courier.location)),
        steps_left: courier.carries.map_or(0, |(_, _, target)| steps(target)),
        order_id: courier.carries.map_or_else(String::new, |(order, _, _)| order.to_string()),
    }
}

/// The order's location as text: at the shop, at a cell, or at its address.
fn current_location(shown: &Shown) -> String {
    match (&shown.trip, shown.delivery.status) {
        (_, model::Status::Delivered) => "Delivered to address".to_owned(),
        (Some(trip), _) => format!("({}, {})", trip.location.x(), trip.location.y()),
        (None, _) => "Processing".to_owned(),
    }
}

/// The progress in per cent.
fn progress(shown: &Shown) -> i32 {
    match (&shown.trip, shown.delivery.status) {
        (_, model::Status::Delivered) => 100,
        (Some(trip), _) => trip.progress(),
        (None, _) if shown.delivery.state == model::State::Created => 10,
        (None, _) => 0,
    }
}
