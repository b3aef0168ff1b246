//! The endpoints of couriers, `/api/v1/couriers`.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use contracts::ids::CourierId;
use platform::{
    auth::{OpenCaller, role_used_on},
    http::{json::JsonBody, problem::Problem},
    invalid::InvalidFields,
};
use uuid::Uuid;

use super::{
    dto::{AddedCourier, AddedStoragePlace, Courier, NewCourier, NewStoragePlace},
    orders::sees_orders_of,
};
use crate::{
    generate::Generator,
    model::{Name, Speed, Volume},
    service::DeliveryService,
};

/// All couriers, in the order of adding
#[utoipa::path(
    get,
    path = "/api/v1/couriers",
    operation_id = "listCouriers",
    tag = "couriers",
    responses((status = 200, body = Vec<Courier>)),
    security(("session" = []))
)]
pub async fn list(State(service): State<DeliveryService>, caller: OpenCaller) -> Result<Json<Vec<Courier>>, Problem> {
    let couriers = service.list_couriers().await?;
    let restricted_to = sees_orders_of(&caller);

    let shown = couriers.into_iter().map(|courier| Courier {
        id: courier.id.uuid(),
        name: courier.name.to_string(),
        location: courier.location.into(),
        speed: courier.speed.get(),
        order_id: courier
            .carries
            .filter(|(_, user, _)| restricted_to.is_none() || *user == restricted_to)
            .map(|(order, _, _)| order.uuid()),
    });
    Ok(Json(shown.collect()))
}

/// Add a courier
///
/// It begins at a random location, with one storage place.
#[utoipa::path(
    post,
    path = "/api/v1/couriers",
    operation_id = "addCourier",
    tag = "couriers",
    request_body = NewCourier,
    responses((status = 201, body = AddedCourier)),
    security(("session" = []))
)]
pub async fn add(
    State(service): State<DeliveryService>,
    JsonBody(body): JsonBody<NewCourier>,
) -> Result<(StatusCode, Json<AddedCourier>), Problem> {
    let mut invalid = InvalidFields::default();
    let name = invalid.check("name", Name::new(body.name));
    let speed = invalid.check("speed", Speed::new(body.speed).ok_or("must be from 1 to 100"));
    let (Some(name), Some(speed)) = (name, speed) else { return Err(invalid.into()) };
    let courier = Generator::default().courier(name, speed);

    service.add_courier(&courier).await?;

    Ok((StatusCode::CREATED, Json(AddedCourier { courier_id: courier.id.uuid() })))
}

/// Add a storage place to a courier
#[utoipa::path(
    post,
    path = "/api/v1/couriers/{id}/storage-places",
    operation_id = "addStoragePlace",
    tag = "couriers",
    params(("id" = Uuid, Path)),
    request_body = NewStoragePlace,
    responses((status = 201, body = AddedStoragePlace)),
    security(("session" = []))
)]
pub async fn add_place(
    State(service): State<DeliveryService>,
    courier: Result<Path<Uuid>, PathRejection>,
    JsonBody(body): JsonBody<NewStoragePlace>,
) -> Result<(StatusCode, Json<AddedStoragePlace>), Problem> {
    let mut invalid = InvalidFields::default();
    let courier = invalid.check("id", courier.map_err(|_| "must be a uuid"));
    let name = invalid.check("name", Name::new(body.name));
    let volume = invalid.check("total_volume", Volume::new(body.total_volume));
    let (Some(Path(courier)), Some(name), Some(volume)) = (courier, name, volume) else { return Err(invalid.into()) };
    role_used_on(courier);
    let (id, name, volume) = Generator::default().place(name, volume);

    service.add_place(CourierId::new(courier), id, &name, volume).await?;

    Ok((StatusCode::CREATED, Json(AddedStoragePlace { storage_place_id: id.uuid() })))
}
