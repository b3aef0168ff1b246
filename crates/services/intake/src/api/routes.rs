//! The HTTP router: endpoints, and the middleware around them.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use platform::{
    auth::{Guard, Rule},
    http::{self, api_pages, openapi::guarded_by, problem::Problem},
    load_shed::{Slots, UserSlots, shed, shed_user},
    server::{health::probe_routes, readiness::Readiness},
    shared_layer::shared,
};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{erase_customer, find_order, get_order, page, place_order, problems::SHARED, request_id, state::Api};
use crate::{config::Own, model::MAX_MESSAGE_BYTES, service::IntakeService};

#[derive(OpenApi)]
#[openapi(
    info(title = "Shipyard intake", description = "Orders that come from a stream, and each of them by its id."),
    components(schemas(Problem)),
    tags((name = "orders"), (name = "page"), (name = "operators"))
)]
struct Base;

/// Returns the OpenAPI description, served at `/openapi.json` and shown at `/swagger-ui/`.
pub fn document() -> utoipa::openapi::OpenApi {
    with_operators(described().split_for_parts().1)
}

fn with_operators(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    document.merge(operators().split_for_parts().1);
    document
}

/// Returns the endpoints with their descriptions.
fn described() -> OpenApiRouter<Api> {
    let mut base = Base::openapi();
    SHARED.describe(&mut base);
    OpenApiRouter::<Api>::with_openapi(base)
        .routes(SHARED.declared::<Api>(routes!(get_order::handle), &get_order::PROBLEMS))
        .routes(SHARED.declared(routes!(place_order::handle), &[]))
        .routes(routes!(find_order::handle))
}

/// Returns the endpoints that only operators may call, even if the API is open.
fn operators() -> OpenApiRouter<Api> {
    OpenApiRouter::<Api>::new().routes(SHARED.declared(routes!(erase_customer::handle), &[]))
}

/// Builds the whole HTTP API. More than the configured number of concurrent requests, or a quarter of them by one user, are rejected with
/// 429.
pub fn router(service: IntakeService, guard: &Guard, readiness: Readiness, own: &Own) -> Router {
    let state = Api { service, is_open: own.intake_open };
    let slots = Slots::new(own.intake_max_in_flight);
    let users = UserSlots::quarter_of(own.intake_max_in_flight);
    let layered = |router: OpenApiRouter<Api>, guard: Guard| {
        Router::from(router)
            .method_not_allowed_fallback(http::method_not_allowed)
            .layer(shared(DefaultBodyLimit::max(MAX_MESSAGE_BYTES)))
            .layer(shared(from_fn_with_state(users.clone(), shed_user)))
            .layer(shared(from_fn_with_state(guard, Guard::http)))
            .layer(shared(from_fn_with_state(slots.clone(), shed)))
            .with_state(state.clone())
    };
    let open = if own.intake_open { guard.clone().open() } else { guard.clone() };
    let pages = Router::new()
        .route("/style.css", get(page::style))
        .merge(api_pages::routes(with_operators(guarded_by(&open, described().split_for_parts().1))))
        .merge(probe_routes(vec![readiness]))
        .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
    let router = Router::new()
        .merge(layered(described(), open))
        .merge(layered(operators(), guard.clone()))
        .merge(pages)
        .fallback(get_order::elsewhere)
        .layer(shared(from_fn(request_id::echo)));
    http::layers_with(router, MAX_MESSAGE_BYTES)
}

/// Users with a session read their own orders. Operators read all orders, place orders and erase them. The search page and the API's
/// descriptions need no session.
pub const RULES: &[Rule] = &[
    Rule::public("GET /"),
    Rule::session("GET /orders/{id}", &[]),
    Rule::operator("POST /orders", &[]),
    Rule::operator("POST /customers/{id}/erase", &[]),
    Rule::public("GET /style.css"),
    Rule::public("GET /openapi.json"),
    Rule::public("GET /swagger-ui"),
    Rule::public("GET /swagger-ui/"),
    Rule::public("GET /swagger-ui/{*rest}"),
    Rule::public("GET /health/live"),
    Rule::public("GET /health/ready"),
];
