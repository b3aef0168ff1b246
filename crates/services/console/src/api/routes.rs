//! The HTTP router: endpoints and pages, and the middleware around them.

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    response::Redirect,
    routing::{get, post},
};
use platform::{
    auth::{Guard, Rule},
    http::{self, api_pages},
    load_shed::{Slots, UserSlots, shed, shed_user},
    server::{health::probe_routes, readiness::Readiness},
    shared_layer::shared,
};
use utoipa::openapi::{
    HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder, ResponseBuilder, path::OperationBuilder,
};

use super::{Api, contacts, couriers, live, login, operator, orders, origin, parts, receipt, session, timeline};
use crate::pages;

/// The console's pages for people and its API for programs. Users see their own orders; what operators may do needs the role.
pub const RULES: &[Rule] = &[
    Rule::public("POST /console/api/login"),
    Rule::public("POST /console/api/register"),
    Rule::session("GET /console/api/me", &[]),
    Rule::session("GET /console/api/parts", &[]),
    Rule::session("GET /console/api/orders", &[]),
    Rule::session("POST /console/api/orders", &[]),
    Rule::session("GET /console/api/orders/{order_uuid}", &[]),
    Rule::session("POST /console/api/orders/{order_uuid}/pay", &[]),
    Rule::session("POST /console/api/orders/{order_uuid}/cancel", &[]),
    Rule::session("GET /console/api/orders/{order_uuid}/timeline", &[]),
    Rule::session("GET /console/api/orders/{order_uuid}/live", &[]),
    Rule::session("GET /console/api/orders/{order_uuid}/receipt", &[]),
    Rule::session("GET /console/api/orders/{order_uuid}/export", &[]),
    Rule::session("GET /console/api/couriers", &[]),
    Rule::session("GET /console/api/couriers/live", &[]),
    Rule::operator("GET /console/api/operator/services", &[]),
    Rule::operator("GET /console/api/operator/dead-letters", &[]),
    Rule::operator("GET /console/api/operator/outbox", &[]),
    Rule::operator("GET /console/api/operator/lag", &[]),
    Rule::operator("GET /console/api/operator/audit", &[]),
    Rule::operator("GET /console/api/operator/couriers", &[]),
    Rule::operator("GET /console/api/operator/actions", &[]),
    Rule::operator("POST /console/api/operator/dead-letters/replay", &[]),
    Rule::operator("POST /console/api/operator/dead-letters/discard", &[]),
    Rule::operator("POST /console/api/operator/audit", &[]),
    Rule::operator("POST /console/api/operator/couriers", &[]),
    Rule::operator("POST /console/api/operator/kyc-rollback", &[]),
    Rule::operator("POST /console/api/operator/restock", &[]),
    Rule::public("GET /"),
    Rule::public("GET /console"),
    Rule::public("GET /console/assets/{name}"),
    Rule::public("GET /console/login"),
    Rule::public("GET /console/register"),
    Rule::session("GET /console/", &[]),
    Rule::session("GET /console/checkout", &[]),
    Rule::session("GET /console/orders", &[]),
    Rule::session("GET /console/orders/{order_uuid}", &[]),
    Rule::session("GET /console/orders/{order_uuid}/summary", &[]),
    Rule::session("GET /console/orders/{order_uuid}/timeline", &[]),
    Rule::session("GET /console/orders/{order_uuid}/receipt", &[]),
    Rule::session("GET /console/map", &[]),
    Rule::session("GET /console/map/grid", &[]),
    Rule::session("GET /console/profile", &[]),
    Rule::session("GET /console/payments", &[]),
    Rule::operator("GET /console/operator/services", &[]),
    Rule::operator("GET /console/operator/dead-letters", &[]),
    Rule::operator("GET /console/operator/outbox", &[]),
    Rule::operator("GET /console/operator/lag", &[]),
    Rule::operator("GET /console/operator/audit", &[]),
    Rule::operator("GET /console/operator/couriers", &[]),
    Rule::operator("GET /console/operator/actions", &[]),
    Rule::session("POST /console/api/sessions/{id}/end", &[]),
    Rule::session("POST /console/api/contacts", &[]),
    // After all others: the test of docs/access.md asks in this order, and a session ends here.
    Rule::session("POST /console/api/logout-all", &[]),
    Rule::public("POST /console/api/logout"),
    Rule::public("GET /openapi.json"),
    Rule::public("GET /swagger-ui"),
    Rule::public("GET /swagger-ui/"),
    Rule::public("GET /swagger-ui/{*rest}"),
    Rule::public("GET /health/live"),
    Rule::public("GET /health/ready"),
];

/// What each endpoint of the API does.
const SUMMARIES: &[(&str, &str)] = &[
    ("POST /console/api/login", "Logs in: sets the cookie of the session and answers the user"),
    ("POST /console/api/register", "Registers a user and logs in"),
    ("POST /console/api/logout", "Ends the session"),
    ("POST /console/api/logout-all", "Ends every session of the user"),
    ("POST /console/api/sessions/{id}/end", "Ends one session of the user"),
    ("POST /console/api/contacts", "Replaces the e-mail address and the Telegram chat of the user"),
    ("GET /console/api/me", "The user"),
    ("GET /console/api/parts", "Parts with price and stock"),
    ("GET /console/api/orders", "The user's orders, as the order service answers"),
    ("POST /console/api/orders", "Creates an order, as the order service does"),
    ("GET /console/api/orders/{order_uuid}", "An order, as the order service answers"),
    ("POST /console/api/orders/{order_uuid}/pay", "Pays an order, as the order service does"),
    ("POST /console/api/orders/{order_uuid}/cancel", "Cancels an order, as the order service does"),
    ("GET /console/api/orders/{order_uuid}/timeline", "The events and states of an order, the oldest first"),
    ("GET /console/api/orders/{order_uuid}/live", "The steps of an order as server-sent events"),
    ("GET /console/api/orders/{order_uuid}/receipt", "The invariants that concern an order, with their evidence"),
    ("GET /console/api/orders/{order_uuid}/export", "Timeline and receipt of an order as one HTML file"),
    ("GET /console/api/couriers", "The couriers"),
    ("GET /console/api/couriers/live", "Each courier that changes, as server-sent events"),
    ("GET /console/api/operator/services", "The state of each service"),
    (
        "GET /console/api/operator/dead-letters",
        "Pending dead letters, filtered by letter, topic, group, kind and reason",
    ),
    (
        "GET /console/api/operator/outbox",
        "The events that wait in each service's outbox, and the replica that publishes them",
    ),
    ("GET /console/api/operator/lag", "The lag of each consumer group by partition, now and over the last 15 minutes"),
    ("GET /console/api/operator/audit", "The audit that runs, and the result of the last one"),
    ("GET /console/api/operator/couriers", "The couriers, with their orders"),
    ("GET /console/api/operator/actions", "The log of operators' actions"),
    (
        "POST /console/api/operator/dead-letters/replay",
        "Replays the dead letters that match; with dry_run, says what that would do",
    ),
    ("POST /console/api/operator/dead-letters/discard", "Discards the dead letters that match, with the reason why"),
    ("POST /console/api/operator/audit", "Begins an audit of the whole shop"),
    ("POST /console/api/operator/couriers", "Adds a courier"),
    ("POST /console/api/operator/kyc-rollback", "Rejects a verified customer"),
    ("POST /console/api/operator/restock", "Adds to the stock of a part; under the same key, once"),
];

/// Returns the OpenAPI description, served at `/openapi.json` and shown at `/swagger-ui/`.
pub fn document() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Shipyard console")
        .description(Some("The shop in a browser. A write needs the Origin of the console; the session is a cookie."))
        .version(env!("CARGO_PKG_VERSION"));
    let paths = SUMMARIES.iter().fold(PathsBuilder::new(), |paths, (endpoint, summary)| {
        let (method, path) = endpoint.split_once(' ').unwrap_or(("GET", endpoint));
        let method = if method == "POST" { HttpMethod::Post } else { HttpMethod::Get };
        let answer = ResponseBuilder::new().description("What it answers").build();
        let operation = OperationBuilder::new().summary(Some(*summary)).response("200", answer).build();
        paths.path(path, PathItem::new(method, operation))
    });
    OpenApiBuilder::new().info(info.build()).paths(paths.build()).build()
}

/// Builds the whole router. More than `in_flight` concurrent requests, or a quarter of them by one user, are rejected with 429; streams have
/// a limit of their own.
pub fn router(state: Api, guard: &Guard, readiness: Readiness, in_flight: usize) -> Router {
    let slots = Slots::new(in_flight);
    let users = UserSlots::quarter_of(in_flight);
    let requests = Router::new()
        .route("/console/api/login", post(login::login))
        .route("/console/api/register", post(login::register))
        .route("/console/api/logout", post(login::logout))
        .route("/console/api/logout-all", post(login::logout_all))
        .route("/console/api/sessions/{id}/end", post(login::end_session))
        .route("/console/api/contacts", post(contacts::change))
        .route("/console/api/me", get(login::me))
        .route("/console/api/parts", get(parts::list))
        .route("/console/api/orders", get(orders::list).post(orders::create))
        .route("/console/api/orders/{order_uuid}", get(orders::show))
        .route("/console/api/orders/{order_uuid}/pay", post(orders::pay))
        .route("/console/api/orders/{order_uuid}/cancel", post(orders::cancel))
        .route("/console/api/orders/{order_uuid}/timeline", get(timeline::show))
        .route("/console/api/orders/{order_uuid}/receipt", get(receipt::show))
        .route("/console/api/orders/{order_uuid}/export", get(receipt::export))
        .route("/console/api/couriers", get(couriers::list))
        .merge(operator::routes())
        .layer(shared(from_fn_with_state(users.clone(), shed_user)));
    let shown = pages::routes().layer(shared(from_fn_with_state(users, shed_user))).merge(pages::public());
    let streams = Router::new()
        .route("/console/api/orders/{order_uuid}/live", get(live::show))
        .route("/console/api/couriers/live", get(couriers::follow));
    let guarded = |router: Router<Api>, slots: Option<Slots>| {
        let router = router
            .method_not_allowed_fallback(http::method_not_allowed)
            .layer(shared(DefaultBodyLimit::max(http::BODY_LIMIT)))
            .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
        match slots {
            Some(slots) => router.layer(shared(from_fn_with_state(slots, shed))),
            None => router,
        }
    };
    let elsewhere = Router::new().fallback(pages::not_found).layer(shared(from_fn_with_state(slots.clone(), shed)));
    let others = Router::new()
        .route("/", get(async || Redirect::to("/console/")))
        .route("/console", get(async || Redirect::to("/console/")))
        .merge(api_pages::routes(document()))
        .merge(probe_routes(vec![readiness]))
        .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
    let router = Router::new()
        .merge(
            guarded(requests, Some(slots.clone())).layer(shared(from_fn_with_state(state.clone(), pages::after_form))),
        )
        .merge(guarded(streams, None))
        .merge(
            guarded(shown, Some(slots))
                .layer(shared(from_fn_with_state(state.clone(), pages::as_page)))
                .layer(shared(from_fn(pages::compressed))),
        )
        .merge(elsewhere)
        .with_state(state)
        .merge(others)
        .layer(shared(from_fn(session::from_cookie)))
        .layer(shared(from_fn(origin::check)));
    http::layers(router)
}
