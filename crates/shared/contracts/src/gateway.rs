//! The RPCs that the gateway serves over HTTP, by the option `google.api.http` in `proto/`.

/// The encoded `FileDescriptorSet` with which the gateway translates JSON: the files with [`ROUTES`] and the messages
/// of errors, without comments.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/gateway.bin"));

/// The OpenAPI description of [`ROUTES`].
pub const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));

/// The routes, in the order of their paths.
pub const ROUTES: &[Route] = include!(concat!(env!("OUT_DIR"), "/routes.rs"));

/// The services that only other services call. The gateway has neither a port nor a route for them.
pub const INTERNAL: [&str; 1] = ["operations"];

/// An RPC that the gateway serves over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    pub verb: &'static str,
    /// The path, with the names of fields in braces.
    pub path: &'static str,
    /// The path of the RPC, such as `/auth.v1.AuthService/Login`.
    pub rpc: &'static str,
    /// True if the gateway requires no session.
    pub is_open: bool,
}

impl Route {
    pub fn find(verb: &str, path: &str) -> Option<&'static Self> {
        ROUTES.iter().find(|route| route.verb == verb && route.matches(path))
    }

    fn matches(&self, path: &str) -> bool {
        let (mut own, mut parts) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), parts.next()) {
                (None, None) => return true,
                (Some(own), Some(part)) if own == part || own.starts_with('{') && !part.is_empty() => {}
                _ => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_routes_of_the_contract_are_served() {
        let session = |path| (path, false);
        let open = |path| (path, true);
        let expected = [
            open("GET /.well-known/jwks.json"),
            session("GET /api/v1/assembly/{order_uuid}"),
            session("POST /api/v1/customers"),
            session("GET /api/v1/customers/{customer_id}"),
            session("PUT /api/v1/customers/{customer_id}"),
            session("GET /api/v1/customers/{customer_id}/loans"),
            open("POST /api/v1/iam/login"),
            open("POST /api/v1/iam/logout"),
            open("POST /api/v1/iam/logout-all"),
            open("POST /api/v1/iam/register"),
            session("POST /api/v1/iam/token"),
            session("GET /api/v1/iam/user/{user_uuid}"),
            open("POST /api/v1/iam/whoami"),
            session("GET /api/v1/inventory/part/{uuid}"),
            session("GET /api/v1/inventory/parts"),
            session("GET /api/v1/notifications/{order_uuid}"),
        ];

        let routes: Vec<_> =
            ROUTES.iter().map(|route| (format!("{} {}", route.verb, route.path), route.is_open)).collect();
        let missing: Vec<_> =
            expected.into_iter().filter(|(path, is_open)| !routes.contains(&((*path).to_owned(), *is_open))).collect();

        // docs/access.md has those that were added since. Each of these needs a session.
        assert!(missing.is_empty(), "{missing:?} are not in {routes:?}");
        let is_expected = |route: &String| expected.iter().any(|(path, _)| path == route);
        let opened: Vec<_> = routes.iter().filter(|(route, is_open)| *is_open && !is_expected(route)).collect();
        assert!(opened.is_empty(), "{opened:?} need no session");
    }

    #[test]
    fn a_request_has_the_route_of_its_method_and_path() {
        let rpc = |verb, path| Route::find(verb, path).map(|route| route.rpc);

        assert_eq!(rpc("POST", "/api/v1/iam/login"), Some("/auth.v1.AuthService/Login"));
        assert_eq!(rpc("GET", "/api/v1/customers/7/loans"), Some("/customers.v1.CustomerService/ListLoans"));
        for (verb, path) in [
            ("GET", "/api/v1/iam/login"),
            ("GET", "/api/v1/customers/"),
            ("GET", "/api/v1/customers/7/loans/8"),
            ("GET", "/api/v1/inventory"),
        ] {
            assert_eq!(rpc(verb, path), None, "{verb} {path}");
        }
    }

    /// `UPDATE_DESCRIPTORS=1` writes the file.
    #[test]
    fn the_file_of_the_gateway_has_these_descriptors() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../deploy/envoy/descriptors.pb");
        if std::env::var_os("UPDATE_DESCRIPTORS").is_some() {
            fs::write(&path, DESCRIPTORS).unwrap();
        }

        let is_current = fs::read(&path).is_ok_and(|file| file == DESCRIPTORS);

        let update = "UPDATE_DESCRIPTORS=1 cargo test -p contracts descriptors";
        assert!(is_current, "deploy/envoy/descriptors.pb is not what proto/ says; write it: {update}");
    }

    #[test]
    fn the_description_has_every_route_and_says_which_need_a_session() {
        let document: Value = serde_json::from_str(OPENAPI).unwrap();

        for route in ROUTES {
            let operation = &document["paths"][route.path][route.verb.to_lowercase()];
            assert_eq!(operation["security"].is_null(), route.is_open, "{route:?}: {operation}");
        }
        let names = document["paths"]["/api/v1/inventory/parts"]["get"]["parameters"].as_array().unwrap();
        assert!(names.iter().any(|parameter| parameter["name"] == "filter.names"), "{names:?}");
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["inventory.v1.Part"]["properties"]["stock_quantity"]["type"], "string");
        let missing: Vec<_> = OPENAPI
            .split("\"#/components/schemas/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .filter(|name| *name != "Problem" && schemas[name].is_null())
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
