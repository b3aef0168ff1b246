//! The HTTP routes of the gateway, from the option `google.api.http` of each RPC.

use std::fmt::Write as _;

use protox::prost_reflect::{DescriptorPool, MethodDescriptor};

use crate::openapi::is_open;

/// The paths that the gateway sends to order's HTTP API, with all paths below them, before it looks for an RPC: see
/// `deploy/templates/deploy/envoy/routes.yaml`.
const OF_ORDER: [&str; 2] = ["/api/v1/orders", "/api/orders"];

/// An RPC that the gateway serves over HTTP.
pub struct Route {
    pub method: MethodDescriptor,
    /// The HTTP method, in upper case.
    pub verb: String,
    /// The path, with the names of fields in braces.
    pub path: String,
    /// True if the request's body is the message; otherwise the message's fields are parameters.
    pub has_body: bool,
}

impl Route {
    /// The names of the fields in the path.
    pub fn in_path(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// The path of a gRPC request.
    pub fn rpc(&self) -> String {
        format!("/{}/{}", self.method.parent_service().full_name(), self.method.name())
    }
}

/// Returns the routes, ordered by path. Fails for a form of the option that [`Route`] or the gateway does not support.
pub fn of(pool: &DescriptorPool) -> Result<Vec<Route>, String> {
    let option = pool.get_extension_by_name("google.api.http").ok_or("no RPC has the option google.api.http")?;
    let mut routes = Vec::new();
    for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
        let options = method.options();
        if !options.has_extension(&option) {
            continue;
        }
        let complain = |what: &str| format!("{}: {what}", method.full_name());
        if method.is_client_streaming() || method.is_server_streaming() {
            return Err(complain("no streaming RPC passes the gateway"));
        }
        let rule = options.get_extension(&option);
        let rule = rule.as_message().ok_or_else(|| complain("google.api.http is no message"))?;
        let text = |name: &str| rule.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned));
        let mut verbs = ["get", "put", "post", "delete", "patch"].into_iter();
        let set = verbs.find_map(|verb| Some((verb, text(verb).filter(|path| !path.is_empty())?)));
        let (verb, path) = set.ok_or_else(|| complain("google.api.http has no method with a path"))?;
        let has_body = match text("body").unwrap_or_default().as_str() {
            "" => false,
            "*" => true,
            _ => return Err(complain("the body is the whole message or none")),
        };
        let route = Route { verb: verb.to_uppercase(), path, has_body, method: method.clone() };
        if let Some(unknown) = route.in_path().find(|field| method.input().get_field_by_name(field).is_none()) {
            return Err(complain(&format!("the request has no field {unknown}")));
        }
        let has =
            |prefix: &str| route.path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(prefix) = OF_ORDER.into_iter().find(|prefix| has(prefix)) {
            return Err(complain(&format!(
                "the gateway sends all paths below {prefix} to order's HTTP API; choose another"
            )));
        }
        routes.push(route);
    }
    routes.sort_by(|one, other| (&one.path, &one.verb).cmp(&(&other.path, &other.verb)));
    Ok(routes)
}

pub fn rust(routes: &[Route]) -> String {
    let mut table = String::from("&[\n");
    for route in routes {
        let _ = writeln!(
            table,
            "    Route {{ verb: {:?}, path: {:?}, rpc: {:?}, is_open: {} }},",
            route.verb,
            route.path,
            route.rpc(),
            is_open(route),
        );
    }
    table + "]"
}
