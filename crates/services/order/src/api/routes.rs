//! The HTTP router: endpoints, the middleware around them, and their OpenAPI document.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::from_fn_with_state,
    response::{IntoResponse as _, Redirect, Response},
};
use contracts::gateway::{self, Route};
use platform::{
    auth::{Guard, Rule},
    http::{
        self, BODY_LIMIT,
        endpoints::{Endpoints, USER},
        openapi_pages,
        problem::Problem,
    },
    server::{health::ready_routes, readiness::Readiness},
    shared_layer::shared,
    slots::{RequestLimits, Slots, UserSlots},
};
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use super::{Api, checkout, delivery, orders, payment, problems::SHARED};

/// Returns all endpoints. Requests about orders require a user's session, because services have no orders.
///
/// Endpoints that call the same services form a group. The number is the group's share of all slots, in eighths, so
/// that a service that hangs cannot take the slots of other groups. One eighth is left to the group without a number.
fn groups() -> [(Option<usize>, Endpoints<Arc<Api>>); 4] {
    let creating = Endpoints::default()
        .described(USER, SHARED.declared(routes!(orders::create_order), &orders::CREATE_PROBLEMS))
        .described(USER, SHARED.declared(routes!(checkout::create_order), &checkout::CREATE_PROBLEMS));
    let paying = Endpoints::default()
        .described(USER, SHARED.declared(routes!(payment::pay_order), &payment::PAY_PROBLEMS))
        .described(USER, SHARED.declared(routes!(payment::get_payment), &payment::GET_PROBLEMS))
        .described(USER, SHARED.declared(routes!(checkout::get_payment), &payment::GET_PROBLEMS));
    let tracking = Endpoints::default()
        .described(USER, SHARED.declared(routes!(delivery::get_delivery), &delivery::PROBLEMS))
        .described(USER, SHARED.declared(routes!(checkout::get_delivery), &delivery::PROBLEMS));
    let others = Endpoints::default()
        .described(USER, SHARED.declared(routes!(orders::list_orders), &[]))
        .described(USER, SHARED.declared(routes!(orders::get_order), &orders::GET_PROBLEMS))
        .described(USER, SHARED.declared(routes!(orders::cancel_order), &orders::CANCEL_PROBLEMS))
        .described(USER, SHARED.declared(routes!(checkout::get_order), &orders::GET_PROBLEMS));
    [(Some(3), creating), (Some(3), paying), (Some(1), tracking), (None, others)]
}

fn endpoints() -> Endpoints<Arc<Api>> {
    groups().into_iter().fold(Endpoints::default(), |all, (_, endpoints)| all.merge(endpoints))
}

/// The access rule of each endpoint.
pub static RULES: LazyLock<Vec<Rule>> =
    LazyLock::new(|| [endpoints().rules(), vec![Rule::public("GET /health")]].concat());

/// Returns the OpenAPI document of this API. `/openapi.json` and `/swagger-ui/` also have the RPCs that the gateway
/// serves.
pub fn document() -> OpenApi {
    endpoints().document(base())
}

/// Builds the router of the whole HTTP API. It responds with 429 above `max_in_flight` concurrent requests, or above a
/// quarter of that number for one user. A browser that opens `/` is redirected to the pages at `console`.
pub fn router(state: Api, guard: Guard, readiness: Readiness, max_in_flight: usize, console: &str) -> Router {
    let pages = Router::new()
        .merge(openapi_pages::routes(with_rpcs(document())))
        .merge(ready_routes(vec![readiness]))
        .layer(shared(from_fn_with_state(guard.clone(), Guard::http)));
    let inbound = RequestLimits::new(guard, Slots::new(max_in_flight), UserSlots::quarter_of(max_in_flight));
    let api = groups().into_iter().fold(Router::new(), |api, (eighths, endpoints)| {
        let inbound = match eighths {
            Some(eighths) => inbound.apart(Slots::eighths_of(max_in_flight, eighths)),
            None => inbound.clone(),
        };
        api.merge(inbound.to(endpoints.routes(), BODY_LIMIT))
    });
    let console: Arc<str> = console.into();
    let fallback = move |method: Method, uri: Uri, headers: HeaderMap| async move {
        elsewhere(&console, method, uri, headers).await
    };
    let router = Router::new().merge(api.with_state(Arc::new(state))).merge(pages).fallback(fallback);
    // The endpoints that read smaller bodies refuse the others.
    http::layers_with_problems(router, checkout::BODY_LIMIT, checkout::with_error)
}

/// Responds to a request for a path without an endpoint: redirects a browser that opens the first page to the console.
/// A caller that bypasses the gateway may request a path that only the gateway serves.
async fn elsewhere(console: &str, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method == Method::GET && uri.path() == "/" && http::pages::asks_for_page(&headers) {
        return ([(header::CACHE_CONTROL, "no-store"), (header::VARY, "Accept")], Redirect::to(console))
            .into_response();
    }
    match Route::find(method.as_str(), uri.path()) {
        Some(Route { rpc, .. }) => {
            let rpc = rpc.trim_start_matches('/');
            let problem = format!("only the gateway serves this path; this process serves {rpc} over gRPC");
            Problem::new(StatusCode::NOT_FOUND, "NOT_FOUND", problem).into_response()
        }
        None => http::not_found(uri).await.into_response(),
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Shipyard orders", description = "Orders for spaceships, from creation to a built ship."),
    components(schemas(Problem)),
    tags((name = "orders", description = "A user's orders"))
)]
struct Base;

/// Builds the OpenAPI document without its paths, which the routes add.
fn base() -> OpenApi {
    let mut base = <Base as utoipa::OpenApi>::openapi();
    SHARED.describe(&mut base);
    base
}

/// Adds the RPCs that the gateway serves over HTTP at the address of this API.
fn with_rpcs(mut document: OpenApi) -> OpenApi {
    match serde_json::from_str(gateway::OPENAPI) {
        Ok(rpcs) => document.merge(rpcs),
        Err(error) => tracing::error!(%error, "the description of the gateway's RPCs is invalid; it is left out"),
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_browser_that_opens_the_first_page_is_led_to_the_console() {
        let respond = async |method, path: &'static str, accept: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]);
            elsewhere("http://shop/console/", method, Uri::from_static(path), headers).await
        };
        let browser = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";

        assert_eq!(respond(Method::GET, "/", browser).await.headers()[header::LOCATION], "http://shop/console/");
        for (method, path, accept) in [
            (Method::GET, "/", "*/*"),
            (Method::GET, "/", "application/json"),
            (Method::POST, "/", browser),
            (Method::GET, "/unknown", browser),
        ] {
            assert!(!respond(method, path, accept).await.status().is_redirection(), "{path} {accept}");
        }
    }
}
