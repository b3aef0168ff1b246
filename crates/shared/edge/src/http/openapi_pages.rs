//! The description of an HTTP API: `/openapi.json` for programs, and Swagger UI at `/swagger-ui/` for people.

use axum::{
    Router,
    middleware::{Next, from_fn},
    response::Redirect,
    routing::get,
};
use base::config::descriptions::Descriptions;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use super::pages::protected_by;
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
