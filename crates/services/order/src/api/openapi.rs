//! The general part of the OpenAPI document: title, tags, security scheme and shared responses; and the RPCs that the gateway serves at the
//! same address.

use contracts::gateway;
use platform::http::problem::Problem;
use utoipa::OpenApi;

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
    problems::SHARED.describe(&mut base);
    base
}

/// Adds the RPCs that the gateway serves over HTTP at the address of this API.
pub(super) fn with_rpcs(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    match serde_json::from_str(gateway::OPENAPI) {
        Ok(rpcs) => document.merge(rpcs),
        Err(error) => tracing::error!(%error, "the description of the gateway's RPCs is invalid; it is left out"),
    }
    document
}
