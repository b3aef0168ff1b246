//! The HTTP router: endpoints, and the middleware around them.

use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state};
use platform::{
    auth::{Guard, Rule},
    http::{self, api_pages, openapi::guarded_by, problem::Problem},
    load_shed::{Slots, UserSlots, shed, shed_user},
    server::{health::probe_routes, readiness::Readiness},
    shared_layer::shared,
};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    add_courier, add_storage_place, create_order, health, list_active_orders, list_couriers, problems::SHARED,
};
use crate::service::DeliveryService;

#[derive(OpenApi)]
#[openapi(
    info(title = "Shipyard delivery", description = "Couriers, and the orders that they carry to their addresses."),
    components(schemas(Problem)),
    tags((name = "couriers"), (name = "orders"))
)]
struct Base;

/// Returns the OpenAPI description, served at `/openapi.json` and shown at `/swagger-ui/`.
pub fn document() -> utoipa::openapi::OpenApi {
    described().split_for_parts().1
}

/// Returns the endpoints with their descriptions.
fn described() -> OpenApiRouter<DeliveryService> {
    let mut base = Base::openapi();
    SHARED.describe(&mut base);
    OpenApiRouter::with_openapi(base)
        .routes(SHARED.declared(routes!(add_courier::handle), &add_courier::PROBLEMS))
        .routes(SHARED.declared(routes!(list_couriers::handle), &[]))
        .routes(SHARED.declared(routes!(add_storage_place::handle), &add_storage_place::PROBLEMS))
        .routes(SHARED.declared(routes!(create_order::handle), &[]))
        .routes(SHARED.declared(routes!(list_active_orders::handle), &[]))
}

/// Builds the whole HTTP API. More than `max_in_flight` concurrent requests, or a quarter of them by one user, are rejected with 429.
pub fn router(service: DeliveryService, guard: Guard, readiness: Readiness, max_in_flight: usize) -> Router {
    let (api, document) = described().split_for_parts();
    let pages = Router::new()
        .merge(api_pages::routes(guarded_by(&guard, document)))
        .merge(api_pages::start_page())
        .merge(health::routes(&readiness))
        .merge(probe_routes(vec![readiness]))
        .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
    let api = api
        .method_not_allowed_fallback(http::method_not_allowed)
        .layer(shared(DefaultBodyLimit::max(http::BODY_LIMIT)))
        .layer(shared(from_fn_with_state(UserSlots::quarter_of(max_in_flight), shed_user)))
        .layer(shared(from_fn_with_state(guard, Guard::http)))
        .layer(shared(from_fn_with_state(Slots::new(max_in_flight), shed)))
        .with_state(service);
    let router = Router::new().merge(api).merge(pages).fallback(http::not_found);
    http::layers(router)
}

/// Users with a session read couriers and orders, and operators add them. The API's descriptions and health checks need no session.
pub const RULES: &[Rule] = &[
    Rule::operator("POST /api/v1/couriers", &[]),
    Rule::session("GET /api/v1/couriers", &[]),
    Rule::operator("POST /api/v1/couriers/{id}/storage-places", &[]),
    Rule::operator("POST /api/v1/orders", &[]),
    Rule::session("GET /api/v1/orders/active", &[]),
    Rule::public("GET /"),
    Rule::public("GET /openapi.json"),
    Rule::public("GET /swagger-ui"),
    Rule::public("GET /swagger-ui/"),
    Rule::public("GET /swagger-ui/{*rest}"),
    Rule::public("GET /health"),
    Rule::public("GET /api/v1/health"),
    Rule::public("GET /health/live"),
    Rule::public("GET /health/ready"),
];
