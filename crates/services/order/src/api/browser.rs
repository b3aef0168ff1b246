//! Redirects a browser that opens the address of the API to the console. Programs get the same responses as without this middleware.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{Method, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Redirect, Response},
};
use platform::{http::asks_for_page, shared_layer::shared};

/// Adds the middleware around the whole API. `console` is the address of the console's pages.
pub fn led_to(console: &str, api: Router) -> Router {
    api.layer(shared(from_fn_with_state(Arc::<str>::from(console), to_console)))
}

async fn to_console(State(console): State<Arc<str>>, request: Request, next: Next) -> Response {
    if request.method() == Method::GET && request.uri().path() == "/" && asks_for_page(request.headers()) {
        return ([(header::CACHE_CONTROL, "no-store"), (header::VARY, "Accept")], Redirect::to(&console))
            .into_response();
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt as _;

    use super::*;

    async fn answer(method: Method, path: &str, accept: &str) -> Response {
        let router = led_to("http://shop/console/", Router::new());
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept).body(Body::empty());
        router.oneshot(request.unwrap()).await.unwrap()
    }

    #[tokio::test]
    async fn only_a_browser_that_opens_the_first_page_is_led_to_the_console() {
        let browser = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";

        assert_eq!(answer(Method::GET, "/", browser).await.headers()[header::LOCATION], "http://shop/console/");
        for (method, path, accept) in [
            (Method::GET, "/", "*/*"),
            (Method::GET, "/", "application/json"),
            (Method::POST, "/", browser),
            (Method::GET, "/api/v1/orders", browser),
        ] {
            assert!(!answer(method, path, accept).await.status().is_redirection(), "{path} {accept}");
        }
    }
}
