//! The HTTP router: endpoints, and the middleware around them.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
    routing::get,
};
use platform::{
    auth::{Guard, Rule},
    http::{
        self,
        endpoints::{Endpoints, OPERATOR, PUBLIC, USER},
        openapi::guarded_by,
        openapi_pages,
        problem::Problem,
    },
    ids,
    server::{health::probe_routes, readiness::Readiness},
    shared_layer::shared,
    slots::{RequestLimits, Slots, UserSlots},
};
use utoipa::{OpenApi, openapi::OpenApi as OpenApiDocument};
use utoipa_axum::routes;

use super::{
    Api, orders, pages, place_order,
    problems::{ORDER_NOT_FOUND, SHARED},
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
        .described(PUBLIC, routes!(pages::find))
        .described(USER, SHARED.declared::<Api>(routes!(orders::get), &[ORDER_NOT_FOUND]))
}

/// Returns the endpoint whose requests wait for Kafka.
fn placing() -> Endpoints<Api> {
    Endpoints::default().described(OPERATOR, SHARED.declared(routes!(place_order::place), &[]))
}

/// The endpoints that need a session even if the API is open: a user's own orders, and what only operators may call.
fn guarded() -> Endpoints<Api> {
    Endpoints::default()
        .described(USER, SHARED.declared(routes!(orders::list), &[(StatusCode::BAD_REQUEST, "INVALID_REQUEST")]))
        .described(OPERATOR, SHARED.declared(routes!(orders::erase), &[]))
}

/// The access rules of the endpoints and pages.
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
/// Requests that place orders wait for Kafka; requests that list or erase orders, and those for an order that is not in
/// the cache, wait for PostgreSQL. Each of the three has a share of the slots, so that one eighth is left to orders in
/// the cache.
pub fn router(service: IntakeService, guard: &Guard, readiness: Readiness, own: &Own) -> Router {
    let share = |eighths| Slots::eighths_of(own.intake_max_in_flight, eighths);
    let state = Api { service: service.with_lookups(share(3)), is_open: own.intake_open };
    let open = if own.intake_open { guard.clone().open() } else { guard.clone() };
    let (slots, users) = (Slots::new(own.intake_max_in_flight), UserSlots::quarter_of(own.intake_max_in_flight));
    let inbound = RequestLimits::new(guard.clone(), slots, users);
    let pages = Router::new()
        .route("/style.css", get(pages::style))
        .merge(openapi_pages::routes(described(Some(&open))))
        .merge(probe_routes(vec![readiness]))
        .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
    let router = Router::new()
        .merge(inbound.behind(open.clone()).to(reading().routes(), MAX_MESSAGE_BYTES))
        .merge(inbound.behind(open).apart(share(3)).to(placing().routes(), MAX_MESSAGE_BYTES))
        .merge(inbound.apart(share(1)).to(guarded().routes(), MAX_MESSAGE_BYTES))
        .with_state(state)
        .merge(pages)
        .fallback(orders::elsewhere)
        .layer(shared(from_fn(echo_request_id)));
    http::layers_with(router, MAX_MESSAGE_BYTES)
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// In bytes; a generated id replaces a longer one.
const MAX_REQUEST_ID: usize = 128;

/// `X-Request-ID`: returned as received, or generated.
async fn echo_request_id(request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(REQUEST_ID)
        .filter(|id| id.len() <= MAX_REQUEST_ID && !id.is_empty() && id.as_bytes().iter().all(u8::is_ascii_graphic));
    let id = given.cloned().or_else(|| HeaderValue::from_str(&ids::random().to_string()).ok());
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
