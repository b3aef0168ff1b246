//! The HTTP router: endpoints, and the middleware around them.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, StatusCode, Uri},
    middleware::{from_fn, from_fn_with_state},
};
use contracts::gateway::Route;
use platform::{
    auth::{Guard, Rule},
    http::{self, api_pages, problem::Problem},
    load_shed::{UserSlots, shed_user},
    server::{health::ready_routes, readiness::Readiness},
    shared_layer::shared,
};
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    cancel_order, checkout, create_order,
    dependency_slots::{DependencySlots, shed},
    get_delivery, get_order, get_payment, list_orders, openapi, pay_order,
    problems::SHARED,
    state::Api,
};

/// Returns the OpenAPI document of this API. `/openapi.json` and `/swagger-ui/` also have the RPCs that the gateway serves.
pub fn document() -> OpenApi {
    described().split_for_parts().1
}

/// Returns a router with all endpoints and their OpenAPI descriptions.
fn described() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(openapi::base())
        .routes(SHARED.declared(routes!(create_order::handle), &create_order::PROBLEMS))
        .routes(SHARED.declared(routes!(list_orders::handle), &[]))
        .routes(SHARED.declared(routes!(get_order::handle), &get_order::PROBLEMS))
        .routes(SHARED.declared(routes!(get_delivery::handle), &get_delivery::PROBLEMS))
        .routes(SHARED.declared(routes!(pay_order::handle), &pay_order::PROBLEMS))
        .routes(SHARED.declared(routes!(cancel_order::handle), &cancel_order::PROBLEMS))
        .routes(SHARED.declared(routes!(get_payment::handle), &get_payment::PROBLEMS))
        .routes(SHARED.declared(routes!(checkout::create_order::handle), &checkout::create_order::PROBLEMS))
        .routes(SHARED.declared(routes!(checkout::get_order::handle), &checkout::get_order::PROBLEMS))
        .routes(SHARED.declared(routes!(checkout::get_payment::handle), &checkout::get_payment::PROBLEMS))
        .routes(SHARED.declared(routes!(checkout::get_delivery::handle), &checkout::get_delivery::PROBLEMS))
}

/// Builds the router of the whole HTTP API. It rejects requests with 429 above `max_in_flight` concurrent requests in all, or above a
/// quarter of that number by one user.
pub fn router(state: Api, guard: Guard, readiness: Readiness, max_in_flight: usize) -> Router {
    let (api, document) = described().split_for_parts();
    let pages = Router::new()
        .merge(api_pages::routes(openapi::with_rpcs(document)))
        .merge(ready_routes(vec![readiness]))
        .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
    let api = api
        .method_not_allowed_fallback(http::method_not_allowed)
        .layer(shared(DefaultBodyLimit::max(http::BODY_LIMIT)))
        .layer(shared(from_fn_with_state(UserSlots::quarter_of(max_in_flight), shed_user)))
        .layer(shared(from_fn_with_state(guard, Guard::http)))
        .layer(shared(from_fn_with_state(DependencySlots::new(max_in_flight), shed)))
        .with_state(state);
    let router = Router::new().merge(api).merge(pages).fallback(not_found);
    http::layers(router).layer(shared(from_fn(checkout::copy_message_to_error)))
}

/// Answers a request for a path that does not exist. Without the gateway, callers may ask for its paths.
async fn not_found(method: Method, uri: Uri) -> Problem {
    match Route::find(method.as_str(), uri.path()) {
        Some(Route { rpc, .. }) => {
            let rpc = rpc.trim_start_matches('/');
            let problem = format!("only the gateway serves this path; this process serves {rpc} over gRPC");
            Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", problem)
        }
        None => http::not_found(uri).await,
    }
}

/// Requests about orders require a user's session, because services have no orders. The API documents and health checks are public.
pub const RULES: &[Rule] = &[
    Rule::session("POST /api/v1/orders", &[]),
    Rule::session("GET /api/v1/orders", &[]),
    Rule::session("GET /api/v1/orders/{order_uuid}", &[]),
    Rule::session("GET /api/v1/orders/{order_uuid}/delivery", &[]),
    Rule::session("POST /api/v1/orders/{order_uuid}/pay", &[]),
    Rule::session("POST /api/v1/orders/{order_uuid}/cancel", &[]),
    Rule::session("GET /api/v1/orders/{order_uuid}/payment", &[]),
    Rule::session("POST /api/orders", &[]),
    Rule::session("GET /api/orders/{order_id}", &[]),
    Rule::session("GET /api/orders/{order_id}/payment", &[]),
    Rule::session("GET /api/orders/{order_id}/delivery", &[]),
    Rule::public("GET /openapi.json"),
    Rule::public("GET /swagger-ui"),
    Rule::public("GET /swagger-ui/"),
    Rule::public("GET /swagger-ui/{*rest}"),
    Rule::public("GET /health"),
    Rule::public("GET /health/live"),
    Rule::public("GET /health/ready"),
];
