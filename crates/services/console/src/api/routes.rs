//! The HTTP router: endpoints and pages, and the middleware around them.

use std::sync::LazyLock;

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    response::Redirect,
    routing::get,
};
use platform::{
    auth::{Guard, Rule},
    http::{
        self, BODY_LIMIT,
        endpoints::{Endpoints, PUBLIC, USER},
        openapi_pages,
    },
    server::{health::probe_routes, readiness::Readiness},
    shared_layer::shared,
    slots::{RequestLimits, Slots, UserSlots, shed},
};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};

use super::{Api, MAX_EXPORTS, account, export, live, operator, orders, parts, session, timeline};
use crate::pages;

/// Returns the endpoints for programs. Users see their own orders; the operators' endpoints need the role.
fn requests() -> Endpoints<Api> {
    Endpoints::default()
        .post(
            PUBLIC,
            "/console/api/login",
            "Logs in: sets the cookie of the session and returns the user",
            account::login,
        )
        .post(PUBLIC, "/console/api/register", "Registers a user and logs in", account::register)
        .get(USER, "/console/api/me", "The user", account::me)
        .get(USER, "/console/api/parts", "Parts with price and stock", parts::list)
        .get(USER, "/console/api/orders", "The user's orders, as the order service returns them", orders::list)
        .post(USER, "/console/api/orders", "Creates an order, as the order service does", orders::create)
        .get(USER, "/console/api/orders/{order_uuid}", "An order, as the order service returns it", orders::show)
        .post(USER, "/console/api/orders/{order_uuid}/pay", "Pays an order, as the order service does", orders::pay)
        .post(
            USER,
            "/console/api/orders/{order_uuid}/cancel",
            "Cancels an order, as the order service does",
            orders::cancel,
        )
        .get(
            USER,
            "/console/api/orders/{order_uuid}/timeline",
            "The events and states of an order, the oldest first",
            timeline::show,
        )
        .get(
            USER,
            "/console/api/orders/{order_uuid}/receipt",
            "The invariants that concern an order, with their evidence; signed as `application/jose`",
            timeline::receipt,
        )
        .get(
            USER,
            "/console/api/orders/{order_uuid}/export",
            "Timeline and signed receipt of an order as one HTML file",
            timeline::export,
        )
        .get(
            PUBLIC,
            "/console/.well-known/receipt-keys.json",
            "The public keys of signed receipts, as a JSON Web Key Set",
            timeline::receipt_keys,
        )
        .get(USER, "/console/api/couriers", "The couriers", live::couriers)
        .merge(operator::endpoints())
}

/// Returns the endpoints with streams. [`Live`](crate::service::Live) limits the number of open streams.
fn streams() -> Endpoints<Api> {
    Endpoints::default()
        .get(
            USER,
            "/console/api/orders/{order_uuid}/live",
            "The steps of an order as server-sent events",
            live::follow_steps,
        )
        .get(
            USER,
            "/console/api/couriers/live",
            "Each courier that changes, as server-sent events",
            live::follow_couriers,
        )
}

/// Returns the endpoint that calls most services. A user may have one request to it at a time.
fn exports() -> Endpoints<Api> {
    let about = "What the services hold about the user, as one JSON file";
    Endpoints::default().get(USER, "/console/api/me/export", about, export::export)
}

/// Returns the endpoints with which users manage their sessions, contacts and account.
fn sessions() -> Endpoints<Api> {
    Endpoints::default()
        .post(USER, "/console/api/sessions/{id}/end", "Ends one session of the user", account::end_session)
        .post(
            USER,
            "/console/api/contacts",
            "Replaces the e-mail address and the Telegram chat of the user",
            account::change_contacts,
        )
        .post(USER, "/console/api/me/delete", "Ends the account of the user", account::delete)
        .post(USER, "/console/api/logout-all", "Ends every session of the user", account::logout_all)
        .post(PUBLIC, "/console/api/logout", "Ends the session", account::logout)
}

/// The access rules of the endpoints. The rows that end a session are the last, because the test of docs/access.md
/// calls the endpoints in this order.
pub static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let redirects = ["GET /", "GET /console"].map(Rule::public);
    let all = requests().merge(exports()).merge(streams()).merge(pages::all()).merge(sessions());
    [redirects.to_vec(), all.rules()].concat()
});

/// Returns the OpenAPI description, served at `/openapi.json` and shown at `/swagger-ui/`.
pub fn document() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Shipyard console")
        .description(Some(
            "The shop in a browser. A write needs the Origin of the console. The session is a cookie, `X-Session-Uuid`, or an access token \
            in `Authorization`.",
        ))
        .version(env!("CARGO_PKG_VERSION"));
    requests()
        .merge(exports())
        .merge(streams())
        .merge(sessions())
        .document(OpenApiBuilder::new().info(info.build()).build())
}

/// Builds the whole router. More than `max_in_flight` concurrent requests, or a quarter of them by one user, are
/// rejected with 429. A stream counts as a request until it is open.
pub fn router(state: Api, guard: &Guard, readiness: Readiness, max_in_flight: usize) -> Router {
    let slots = Slots::new(max_in_flight);
    let inbound = RequestLimits::new(guard.clone(), slots.clone(), UserSlots::quarter_of(max_in_flight));
    let exporting = RequestLimits::new(guard.clone(), slots.clone(), UserSlots::quarter_of(MAX_EXPORTS));
    let elsewhere = Router::new().fallback(pages::not_found).layer(shared(from_fn_with_state(slots, shed)));
    let others = Router::new()
        .route("/", get(async || Redirect::to("/console/")))
        .route("/console", get(async || Redirect::to("/console/")))
        .merge(openapi_pages::routes(document()))
        .merge(probe_routes(vec![readiness]))
        .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
    let router = Router::new()
        .merge(
            inbound
                .to(with_405(requests().merge(sessions())), BODY_LIMIT)
                .layer(shared(from_fn_with_state(state.clone(), pages::after_form))),
        )
        .merge(exporting.to(with_405(exports()), BODY_LIMIT))
        .merge(inbound.to(streams().routes(), BODY_LIMIT))
        .merge(
            inbound
                .to(with_405(pages::all()), BODY_LIMIT)
                .layer(shared(from_fn_with_state(state.clone(), pages::as_page)))
                .layer(shared(from_fn(pages::compressed))),
        )
        .merge(elsewhere)
        .with_state(state)
        .merge(others)
        .layer(shared(from_fn(session::from_cookie)))
        .layer(shared(from_fn(session::check_origin)));
    http::layers(router)
}

/// Responds to a method that a path does not have with a problem, which other middleware converts to a page for
/// browsers.
fn with_405(endpoints: Endpoints<Api>) -> Router<Api> {
    endpoints.routes().method_not_allowed_fallback(http::method_not_allowed)
}
