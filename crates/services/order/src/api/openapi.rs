//! The general part of the OpenAPI document: title, tags, security scheme and shared responses.

use platform::{auth::SESSION_HEADER, problem::Problem};
use utoipa::{
    OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use super::problems;

#[derive(OpenApi)]
#[openapi(
    info(title = "Shipyard orders", description = "Orders for spaceships, from creation to a built ship."),
    components(schemas(Problem)),
    tags((name = "orders", description = "A user's orders"))
)]
struct Base;

/// Builds the OpenAPI document without its paths, which the routes add.
pub(super) fn base() -> utoipa::openapi::OpenApi {
    let mut base = Base::openapi();
    let scheme = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(SESSION_HEADER)));
    let components = base.components.get_or_insert_default();
    components.add_security_scheme("session", scheme);
    components.responses.extend(problems::SHARED.responses());
    base
}
