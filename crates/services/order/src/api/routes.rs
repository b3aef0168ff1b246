//! The HTTP router: endpoints, and the middleware around them.

use std::sync::LazyLock;

use axum::{
    Router,
    http::{Method, StatusCode, Uri},
    middleware::{from_fn, from_fn_with_state},
};
use contracts::gateway::Route;
use platform::{
    auth::{Guard, Rule},
    http::{
        self, BODY_LIMIT,
        endpoints::{Endpoints, USER},
        inbound::Inbound,
        openapi_pages,
        problem::Problem,
    },
    load_shed::{Slots, UserSlots},
    server::{health::ready_routes, readiness::Readiness},
    shared_layer::shared,
};
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use super::{
    cancel_order, checkout, create_order, get_delivery, get_order, get_payment, list_orders, openapi, pay_order,
    problems::SHARED, state::Api,
};

/// Returns all endpoints. Requests about orders require a user's session, because services have no orders.
///
/// Endpoints that call the same services form a group. The number is the group's share of all slots, in eighths, so
/// that a service that hangs cannot take the slots of other groups. One eighth is left to the group without a number.
fn groups() -> [(Option<usize>, Endpoints<Api>); 4] {
    let creating = Endpoints::default()
        .described(USER, SHARED.declared(routes!(create_order::handle), &create_order::PROBLEMS))
        .described(USER, SHARED.declared(routes!(checkout::create_order::handle), &checkout::create_order::PROBLEMS));
    let paying = Endpoints::default()
        .described(USER, SHARED.declared(routes!(pay_order::handle), &pay_order::PROBLEMS))
        .described(USER, SHARED.declared(routes!(get_payment::handle), &get_payment::PROBLEMS))
        .described(USER, SHARED.declared(routes!(checkout::get_payment::handle), &checkout::get_payment::PROBLEMS));
    let tracking = Endpoints::default()
        .described(USER, SHARED.declared(routes!(get_delivery::handle), &get_delivery::PROBLEMS))
        .described(USER, SHARED.declared(routes!(checkout::get_delivery::handle), &checkout::get_delivery::PROBLEMS));
    let others = Endpoints::default()
        .described(USER, SHARED.declared(routes!(list_orders::handle), &[]))
        .described(USER, SHARED.declared(routes!(get_order::handle), &get_order::PROBLEMS))
        .described(USER, SHARED.declared(routes!(cancel_order::handle), &cancel_order::PROBLEMS))
        .described(USER, SHARED.declared(routes!(checkout::get_order::handle), &checkout::get_order::PROBLEMS));
    [(Some(3), creating), (Some(3), paying), (Some(1), tracking), (None, others)]
}

fn endpoints() -> Endpoints<Api> {
    groups().into_iter().fold(Endpoints::default(), |all, (_, endpoints)| all.merge(endpoints))
}

/// Who may call what.
pub static RULES: LazyLock<Vec<Rule>> =
    LazyLock::new(|| [endpoints().rules(), vec![Rule::public("GET /health")]].concat());

/// Returns the OpenAPI document of this API. `/openapi.json` and `/swagger-ui/` also have the RPCs that the gateway serves.
pub fn document() -> OpenApi {
    endpoints().document(openapi::base())
}

/// Builds the router of the whole HTTP API. It responds with 429 above `max_in_flight` concurrent requests, or above a
/// quarter of that number for one user.
pub fn router(state: Api, guard: Guard, readiness: Readiness, max_in_flight: usize) -> Router {
    let pages = Router::new()
        .merge(openapi_pages::routes(openapi::with_rpcs(document())))
        .merge(ready_routes(vec![readiness]))
        .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
    let inbound = Inbound::new(guard, Slots::new(max_in_flight), UserSlots::quarter_of(max_in_flight));
    let api = groups().into_iter().fold(Router::new(), |api, (eighths, endpoints)| {
        let inbound = match eighths {
            Some(eighths) => inbound.apart(Slots::eighths_of(max_in_flight, eighths)),
            None => inbound.clone(),
        };
        api.merge(inbound.to(endpoints.routes(), BODY_LIMIT))
    });
    let router = Router::new().merge(api.with_state(state)).merge(pages).fallback(not_found);
    // The endpoints that read smaller bodies refuse the others.
    let router = http::layers_with(router, checkout::create_order::BODY_LIMIT);
    router.layer(shared(from_fn(checkout::copy_message_to_error)))
}

/// Answers a request for an unknown path. A caller that bypasses the gateway may request a path that only the gateway
/// serves.
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
