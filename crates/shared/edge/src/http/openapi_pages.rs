//! The description of an HTTP API: `/openapi.json` for programs, and Swagger UI at `/swagger-ui/` for people.

use std::fmt::Display;

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse as _, Redirect, Response},
    routing::get,
};
use base::config::descriptions::Descriptions;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use crate::{auth::Rule, shared_layer::shared};

const DOCUMENT: &str = "/openapi.json";
/// Swagger UI loads scripts and styles from its own origin and uses style attributes and images in its styles. It must
/// not be framed, and sends requests only to its own origin.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) const RULES: [Rule; 4] = [
    Rule::public("GET /openapi.json"),
    Rule::public("GET /swagger-ui"),
    Rule::public("GET /swagger-ui/"),
    Rule::public("GET /swagger-ui/{*rest}"),
];

/// Returns the routes of the description and of Swagger UI; none if `SWAGGER_UI` is false.
pub fn routes<S: Clone + Send + Sync + 'static>(document: OpenApi) -> Router<S> {
    if !Descriptions::of_this_process().swagger_ui {
        return Router::new();
    }
    let protected = async |request, next: Next| protected_by(CONTENT_SECURITY_POLICY, next.run(request).await);
    Router::from(SwaggerUi::new("/swagger-ui").url(DOCUMENT, document)).layer(shared(from_fn(protected)))
}

/// Returns the route `/`, which redirects to Swagger UI, for an API without pages of its own.
pub fn start_page<S: Clone + Send + Sync + 'static>() -> Router<S> {
    if !Descriptions::of_this_process().swagger_ui {
        return Router::new();
    }
    Router::new().route("/", get(async || Redirect::to("/swagger-ui/")))
}

/// Returns a page with this content security policy, or status 500 if it could not be rendered.
pub fn rendered(status: StatusCode, page: Result<String, impl Display>, policy: &'static str) -> Response {
    let response = match page {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    };
    protected_by(policy, response)
}

/// Sets the content security policy of a page. The API's layer adds the other security headers.
pub fn protected_by(policy: &'static str, mut response: Response) -> Response {
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}
