//! `POST /customers/{id}/erase`: erases a customer's orders.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use platform::http::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use crate::service::IntakeService;

/// What was erased.
#[derive(Serialize, ToSchema)]
pub struct Erased {
    /// Orders erased by this call.
    pub orders: u64,
}

/// Erase the orders of a customer
///
/// All but their keys is removed, from the tables at once and from each replica's memory within seconds. The topic keeps its records
/// until they expire. For operators, also where the API is open.
#[utoipa::path(
    post,
    path = "/customers/{id}/erase",
    operation_id = "eraseCustomer",
    tag = "operators",
    params(("id" = String, Path, description = "The customer_id.")),
    responses((status = 200, body = Erased)),
    security(("session" = []))
)]
pub async fn handle(
    State(service): State<IntakeService>,
    customer: Result<Path<String>, PathRejection>,
) -> Result<Json<Erased>, Problem> {
    // Texts in PostgreSQL contain no NUL, so no order has a customer_id with one.
    let customer = customer.ok().filter(|Path(customer)| !customer.contains('\0'));
    let Some(Path(customer)) = customer else { return Ok(Json(Erased { orders: 0 })) };

    let orders = service.erase(&customer).await?;

    Ok(Json(Erased { orders }))
}
