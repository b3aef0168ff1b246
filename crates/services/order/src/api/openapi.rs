//! The description of the API, served at `/openapi.json` and shown at `/swagger-ui/`.

use platform::{auth::SESSION_HEADER, problem::Problem};
use utoipa::{
    OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use super::{problems, routes::described};

#[derive(OpenApi)]
#[openapi(
    info(title = "Shipyard orders", description = "Orders for spaceships, from creation to a built ship."),
    components(schemas(Problem)),
    tags((name = "orders", description = "A user's orders"))
)]
struct Base;

/// What the routes add themselves to.
pub(super) fn base() -> utoipa::openapi::OpenApi {
    let mut base = Base::openapi();
    let scheme = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(SESSION_HEADER)));
    let components = base.components.get_or_insert_default();
    components.add_security_scheme("session", scheme);
    components.responses.extend(problems::shared());
    base
}

/// The whole description.
pub fn document() -> utoipa::openapi::OpenApi {
    described().split_for_parts().1
}
