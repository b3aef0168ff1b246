//! The HTTP router: endpoints, and the middleware around them.

use std::sync::LazyLock;

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use platform::{
    auth::{Guard, Rule},
    http::{
        self,
        endpoints::{Endpoints, OPERATOR, PUBLIC, USER},
        inbound::Inbound,
        openapi::guarded_by,
        openapi_pages,
        problem::Problem,
    },
    load_shed::{Slots, UserSlots},
    server::{health::probe_routes, readiness::Readiness},
    shared_layer::shared,
};
use utoipa::{OpenApi, openapi::OpenApi as OpenApiDocument};
use utoipa_axum::routes;

use super::{
    erase_customer, find_order, get_order, list_orders, page, place_order, problems::SHARED, request_id, state::Api,
};
use crate::{config::Own, model::MAX_MESSAGE_BYTES, service::IntakeService};

#[derive(OpenApi)]
#[openapi(
    info(title = "Shipyard intake", description = "Orders that come from a stream, and each of them by its id."),
    components(schemas(Problem)),
    tags((name = "orders"), (name = "page"), (name = "operators"))
)]
struct Base;

/// The endpoints that every caller of an open API may call. Otherwise, users with a session read their own orders,
/// operators read all and place orders, and the search page is public.
fn endpoints() -> Endpoints<Api> {
    reading().merge(placing())
}

fn reading() -> Endpoints<Api> {
    Endpoints::default()
        .described(PUBLIC, routes!(find_order::handle))
        .described(USER, SHARED.declared::<Api>(routes!(get_order::handle), &get_order::PROBLEMS))
}

/// Returns the endpoint whose requests wait for Kafka.
fn placing() -> Endpoints<Api> {
    Endpoints::default().described(OPERATOR, SHARED.declared(routes!(place_order::handle), &[]))
}

/// The endpoints that need a session even if the API is open: a user's own orders, and what only operators may call.
fn guarded() -> Endpoints<Api> {
    Endpoints::default()
        .described(USER, SHARED.declared(routes!(list_orders::handle), &list_orders::PROBLEMS))
        .described(OPERATOR, SHARED.declared(routes!(erase_customer::handle), &[]))
}

/// Who may call what.
pub static RULES: LazyLock<Vec<Rule>> =
    LazyLock::new(|| [endpoints().merge(guarded()).rules(), vec![Rule::public("GET /style.css")]].concat());

/// Returns the OpenAPI description, served at `/openapi.json` and shown at `/swagger-ui/`.
pub fn document() -> OpenApiDocument {
    described(None)
}

/// The description of an API behind `guard`. An open API requires a session only for the [`guarded`] endpoints.
fn described(guard: Option<&Guard>) -> OpenApiDocument {
    let mut base = Base::openapi();
    SHARED.describe(&mut base);
    let own = endpoints().document(base);
    let own = if let Some(guard) = guard { guarded_by(guard, own) } else { own };
    guarded().document(own)
}

/// Rejects more than the configured number of concurrent requests, or more than a quarter of them by one user, with
/// 429.
///
/// Requests that place orders wait for Kafka; requests that list or erase orders, and those for an order that is not in the
/// cache, wait for PostgreSQL. Each of the three has a share of the slots, so that one eighth is left to orders in the
/// cache.
pub fn router(service: IntakeService, guard: &Guard, readiness: Readiness, own: &Own) -> Router {
    let share = |eighths| Slots::eighths_of(own.intake_max_in_flight, eighths);
    let state = Api { service: service.with_lookups(share(3)), is_open: own.intake_open };
    let open = if own.intake_open { guard.clone().open() } else { guard.clone() };
    let (slots, users) = (Slots::new(own.intake_max_in_flight), UserSlots::quarter_of(own.intake_max_in_flight));
    let inbound = Inbound::new(guard.clone(), slots, users);
    let pages = Router::new()
        .route("/style.css", get(page::style))
        .merge(openapi_pages::routes(described(Some(&open))))
        .merge(probe_routes(vec![readiness]))
        .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
    let router = Router::new()
        .merge(inbound.behind(open.clone()).to(reading().routes(), MAX_MESSAGE_BYTES))
        .merge(inbound.behind(open).apart(share(3)).to(placing().routes(), MAX_MESSAGE_BYTES))
        .merge(inbound.apart(share(1)).to(guarded().routes(), MAX_MESSAGE_BYTES))
        .with_state(state)
        .merge(pages)
        .fallback(get_order::elsewhere)
        .layer(shared(from_fn(request_id::echo)));
    http::layers_with(router, MAX_MESSAGE_BYTES)
}
