//! `POST /api/v1/couriers/{id}/storage-places`

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::StatusCode,
};
use contracts::ids::CourierId;
use platform::{
    auth::role_used_on,
    http::{json::JsonBody, openapi::Declared, problem::Problem},
    invalid::InvalidFields,
};
use uuid::Uuid;

use super::{
    dto::{AddedStoragePlace, NewStoragePlace},
    problems::{COURIER_NOT_FOUND, LIMIT_REACHED},
};
use crate::{
    generate::Generator,
    model::{Name, Volume},
    service::DeliveryService,
};

/// This endpoint's own error responses.
pub const PROBLEMS: [Declared; 2] = [COURIER_NOT_FOUND, LIMIT_REACHED];

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
pub async fn handle(
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
