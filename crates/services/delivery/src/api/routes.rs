//! The HTTP router: endpoints, and the middleware around them.

use std::sync::LazyLock;

use axum::{Json, Router, http::StatusCode, middleware::from_fn_with_state, routing::get};
use platform::{
    auth::{Guard, Rule},
    http::{
        self,
        endpoints::{Endpoints, OPERATOR, USER},
        openapi::guarded_by,
        openapi_pages,
        problem::Problem,
    },
    server::{health::probe_routes, readiness::Readiness},
    shared_layer::shared,
    slots::{RequestLimits, Slots, UserSlots},
};
use serde_json::{Value, json};
use utoipa::OpenApi;
use utoipa_axum::routes;

use super::{
    couriers, orders,
    problems::{COURIER_NOT_FOUND, LIMIT_REACHED, SHARED},
};
use crate::service::DeliveryService;

#[derive(OpenApi)]
#[openapi(
    info(title = "Shipyard delivery", description = "Couriers, and the orders that they carry to their addresses."),
    components(schemas(Problem)),
    tags((name = "couriers"), (name = "orders"))
)]
struct Base;

/// Users with a session read couriers and orders; operators add them.
fn endpoints() -> Endpoints<DeliveryService> {
    creating().merge(others())
}

/// Returns the endpoint whose requests wait for geo.
fn creating() -> Endpoints<DeliveryService> {
    Endpoints::default().described(OPERATOR, SHARED.declared(routes!(orders::create), &[]))
}

fn others() -> Endpoints<DeliveryService> {
    Endpoints::default()
        .described(OPERATOR, SHARED.declared(routes!(couriers::add), &[LIMIT_REACHED]))
        .described(USER, SHARED.declared(routes!(couriers::list), &[]))
        .described(OPERATOR, SHARED.declared(routes!(couriers::add_place), &[COURIER_NOT_FOUND, LIMIT_REACHED]))
        .described(USER, SHARED.declared(routes!(orders::list_active), &[]))
}

/// The paths that report readiness.
const HEALTH: [&str; 2] = ["/health", "/api/v1/health"];

/// The access rules of the endpoints and pages.
pub static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let pages = ["GET /", "GET /health", "GET /api/v1/health"].map(Rule::public);
    [endpoints().rules(), pages.to_vec()].concat()
});

/// Returns the OpenAPI description, served at `/openapi.json` and shown at `/swagger-ui/`.
pub fn document() -> utoipa::openapi::OpenApi {
    let mut base = Base::openapi();
    SHARED.describe(&mut base);
    endpoints().document(base)
}

/// The maximum number of concurrent requests, of which one user may have a quarter. Further ones are rejected with 429.
const MAX_IN_FLIGHT: usize = 512;

/// Builds the whole HTTP API. Requests that wait for geo take at most three eighths of the slots.
pub fn router(service: DeliveryService, guard: Guard, readiness: Readiness) -> Router {
    let pages = Router::new()
        .merge(openapi_pages::routes(guarded_by(&guard, document())))
        .merge(openapi_pages::start_page())
        .merge(health(&readiness))
        .merge(probe_routes(vec![readiness]))
        .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
    let inbound = RequestLimits::new(guard, Slots::new(MAX_IN_FLIGHT), UserSlots::quarter_of(MAX_IN_FLIGHT));
    let api = Router::new()
        .merge(inbound.apart(Slots::eighths_of(MAX_IN_FLIGHT, 3)).to(creating().routes(), http::BODY_LIMIT))
        .merge(inbound.to(others().routes(), http::BODY_LIMIT))
        .with_state(service);
    http::layers(Router::new().merge(api).merge(pages).fallback(http::not_found))
}

/// `GET /health`, as clients of this API expect it.
fn health(readiness: &Readiness) -> Router {
    let mut router = Router::new();
    for path in HEALTH {
        let readiness = readiness.clone();
        router = router.route(path, get(move || std::future::ready(health_of(&readiness))));
    }
    router
}

fn health_of(readiness: &Readiness) -> (StatusCode, Json<Value>) {
    if readiness.is_ready() {
        (StatusCode::OK, Json(json!({ "status": "Healthy" })))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "Unhealthy" })))
    }
}
