//! The OpenAPI description of the gateway's routes, with messages in the JSON form that the gateway reads and writes.

mod schemas;

use protox::prost_reflect::MessageDescriptor;
use serde_json::{Map, Value, json};

use self::schemas::{Schemas, comment, schema_of};
use crate::routes::Route;

/// The RPCs that need no session in the header: the body has a session or a password, or the response is public.
const OPEN: [&str; 6] = [
    "/auth.v1.AuthService/Login",
    "/auth.v1.AuthService/Logout",
    "/auth.v1.AuthService/LogoutAll",
    "/auth.v1.AuthService/Whoami",
    "/auth.v1.AuthService/GetJwks",
    "/user.v1.UserService/Register",
];

pub fn is_open(route: &Route) -> bool {
    OPEN.contains(&route.rpc().as_str())
}

/// The result refers to the schema `Problem` and the security scheme `session` of the document into which it is merged.
pub fn document(routes: &[Route]) -> String {
    let mut schemas = Schemas::default();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let operations = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        operations[route.verb.to_lowercase()] = operation(route, &mut schemas);
    }
    if let Some(pool) = routes.first().map(|route| route.method.parent_pool()) {
        schemas.add_all(pool);
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "RPCs through the gateway", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": { "schemas": schemas.into_json() },
    });
    document.to_string()
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let (input, service) = (route.method.input(), route.method.parent_service());
    let in_path: Vec<&str> = route.in_path().collect();
    let mut parameters: Vec<Value> = Vec::new();
    for name in &in_path {
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    }
    if !route.has_body {
        parameters.extend(query(&input, "", &in_path, schemas));
    }
    let mut operation = json!({
        "tags": [service.full_name()],
        "operationId": route.method.full_name(),
        "description": comment(&route.method.parent_file(), route.method.path()),
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "OK",
                "content": { "application/json": { "schema": schemas.reference(&route.method.output()) } },
            },
            "default": {
                "description": "The status of the RPC, or a problem that the gateway found",
                "content": {
                    "application/json": { "schema": schemas::status() },
                    "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } },
                },
            },
        },
    });
    if route.has_body {
        let schema = schemas.without(&input, &in_path);
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    if !is_open(route) {
        operation["security"] = json!([{ "session": [] }]);
    }
    operation
}

/// Returns the query's parameters: the request's fields. A nested field is named by its path.
fn query(message: &MessageDescriptor, prefix: &str, in_path: &[&str], schemas: &mut Schemas) -> Vec<Value> {
    let mut parameters = Vec::new();
    for field in message.fields().filter(|field| !in_path.contains(&field.name())) {
        let name = format!("{prefix}{}", field.name());
        match field.kind().as_message() {
            Some(inner) if !field.is_list() => parameters.extend(query(inner, &format!("{name}."), &[], schemas)),
            _ => parameters.push(json!({
                "name": name,
                "in": "query",
                "required": false,
                "description": comment(&message.parent_file(), field.path()),
                "schema": schema_of(&field, schemas),
            })),
        }
    }
    parameters
}
