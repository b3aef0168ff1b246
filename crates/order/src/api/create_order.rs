//! `POST /api/v1/orders`

use axum::extract::State;
use platform::{ids, problem::Problem};

use super::{
    extract::{Posted, User},
    routes::Api,
    view::{CreateOrder, Created},
};
use crate::model::NewOrder;

/// The most parts that one order may have.
const MAX_PARTS: usize = 1000;

/// Order a ship's parts
///
/// Holds the parts and freezes their prices; the order then waits for its payment.
#[utoipa::path(
    post,
    path = "/api/v1/orders",
    tag = "orders",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats of the request get the same answer for 24 hours.")),
    request_body = CreateOrder,
    responses(
        (status = 201, body = Created, headers(("Location" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "INVALID_REQUEST"),
        (status = 401, body = Problem, content_type = "application/problem+json", description = "MISSING_SESSION, INVALID_SESSION"),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "USER_MISMATCH"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "PART_NOT_FOUND"),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "OUT_OF_STOCK, IDEMPOTENCY_IN_PROGRESS"),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "IDEMPOTENCY_KEY_REUSED"),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "DEPENDENCY_UNAVAILABLE"),
    ),
    security(("session" = []))
)]
pub async fn handle(
    State(api): State<Api>,
    User(user): User,
    posted: Posted,
) -> Result<crate::model::Outcome, axum::response::ErrorResponse> {
    let body: CreateOrder = posted.json()?;
    if body.part_uuids.is_empty() {
        return Err(Problem::invalid("part_uuids", "must name at least one part").into());
    }
    if body.part_uuids.len() > MAX_PARTS {
        return Err(Problem::invalid("part_uuids", format!("must name at most {MAX_PARTS} parts")).into());
    }
    let claim = posted.claim(user)?;
    let order = NewOrder { uuid: ids::ordered(), user: body.user_uuid, parts: body.part_uuids };

    Ok(api.service.create(user, order, claim.as_ref()).await?)
}
