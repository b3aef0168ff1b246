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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_paths_of_order_and_of_the_gateway() {
        let document = with_rpcs(super::super::document());

        let paths: Vec<&String> = document.paths.paths.keys().collect();

        let own = "/api/v1/orders";
        let all = gateway::ROUTES.iter().map(|route| route.path).chain([own]);
        let missing: Vec<_> = all.filter(|path| !document.paths.paths.contains_key(*path)).collect();
        assert!(missing.is_empty(), "{missing:?} are not in {paths:?}");
        let document = serde_json::to_value(&document).unwrap();
        assert_eq!(document["paths"]["/api/v1/iam/login"]["post"]["operationId"], "auth.v1.AuthService.Login");
        assert!(document["components"]["schemas"]["inventory.v1.Part"].is_object());
        assert!(document["components"]["schemas"]["Problem"].is_object());
    }
}
