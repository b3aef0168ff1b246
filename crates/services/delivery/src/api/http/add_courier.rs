//! `POST /api/v1/couriers`

use axum::{Json, extract::State, http::StatusCode};
use platform::{
    http::{json::JsonBody, openapi::Declared, problem::Problem},
    invalid::InvalidFields,
};

use super::{
    dto::{AddedCourier, NewCourier},
    problems::LIMIT_REACHED,
};
use crate::{
    generate::Generator,
    model::{Name, Speed},
    service::DeliveryService,
};

/// This endpoint's own error responses.
pub const PROBLEMS: [Declared; 1] = [LIMIT_REACHED];

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
pub async fn handle(
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
