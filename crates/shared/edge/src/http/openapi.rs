//! The parts that the OpenAPI descriptions of all services share: the session, the error responses, and the counters of
//! the described responses.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use utoipa::{
    ToSchema,
    openapi::{
        AllOfBuilder, ContentBuilder, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder,
        path::Operation,
        schema::{KnownFormat, SchemaFormat, Type},
        security::{ApiKey, ApiKeyValue, SecurityScheme},
    },
};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::{
    auth::{Guard, SESSION_HEADER},
    problem::{MEDIA_TYPE, Problem},
};

/// The session's description, shown where a user of Swagger UI authorizes.
const SESSION: &str = "The `session_uuid` that a login returned, such as the output of `shipyard login LOGIN`.";

/// The HTTP status and the code of a problem document.
pub type Declared = (StatusCode, &'static str);

/// The responses of guard and layers to any request.
const LAYERS: [Declared; 6] = [
    (StatusCode::UNAUTHORIZED, "MISSING_SESSION"),
    (StatusCode::UNAUTHORIZED, "INVALID_SESSION"),
    (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
    (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
    (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
    (StatusCode::SERVICE_UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
];

/// The problems that the endpoints of an API share, besides those of guard and layers to any request.
#[derive(Clone, Copy, Debug)]
pub struct SharedProblems {
    /// Further responses to every request.
    pub anywhere: &'static [Declared],
    /// Further responses to POST requests.
    pub posted: &'static [Declared],
    /// Further responses to requests with a JSON body.
    pub json: &'static [Declared],
}

impl SharedProblems {
    /// The responses of guard and layers alone, for an API that accepts a body only with POST.
    pub const OF_LAYERS: Self = Self {
        anywhere: &[],
        posted: &[(StatusCode::FORBIDDEN, "FORBIDDEN")],
        json: &[
            (StatusCode::BAD_REQUEST, "INVALID_REQUEST"),
            (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT"),
            (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE"),
        ],
    };

    /// Adds the shared responses and the endpoint's `own` responses to its description.
    pub fn declared<S>(&self, mut endpoint: UtoipaMethodRouter<S>, own: &[Declared]) -> UtoipaMethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        for path in endpoint.1.paths.values_mut() {
            if let Some(operation) = &mut path.get {
                declare(operation, &[&LAYERS, self.anywhere], own);
            }
            if let Some(operation) = &mut path.post {
                let json = if operation.request_body.is_some() { self.json } else { &[] };
                declare(operation, &[&LAYERS, self.anywhere, self.posted, json], own);
            }
        }
        endpoint
    }

    /// Adds the shared responses and the security scheme `session`.
    pub fn describe(&self, document: &mut OpenApi) {
        let session = ApiKeyValue::with_description(SESSION_HEADER, SESSION);
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Header(session)));
        components.responses.extend(self.responses());
    }

    fn responses(&self) -> impl Iterator<Item = (String, RefOr<Response>)> {
        let all = by_status([&LAYERS, self.anywhere, self.posted, self.json].concat());
        all.into_iter().map(|(status, codes)| (name(status), response(status, &codes).into()))
    }
}

/// Returns the description of an API behind `guard`. If the guard admits every caller, no endpoint requires a session.
pub fn guarded_by(guard: &Guard, mut document: OpenApi) -> OpenApi {
    if guard.is_open() {
        for path in document.paths.paths.values_mut() {
            for operation in [&mut path.get, &mut path.post].into_iter().flatten() {
                operation.security = None;
            }
        }
    }
    document
}

/// The statuses that an alert counts. They are exported even for endpoints that do not declare them, so that the alert
/// sees the first one.
const FAILURES: [&str; 2] = ["500", "503"];

/// Exports the counter of HTTP requests with the value 0 for each response in an API's description. Otherwise a series
/// would begin with its first increment, which `rate()` would miss.
pub fn count_from_zero(document: OpenApi) {
    for (route, item) in document.paths.paths {
        let methods =
            [("GET", item.get), ("POST", item.post), ("PUT", item.put), ("PATCH", item.patch), ("DELETE", item.delete)];
        for (method, operation) in methods {
            let Some(operation) = operation else { continue };
            let statuses: BTreeSet<_> =
                operation.responses.responses.into_keys().chain(FAILURES.map(str::to_owned)).collect();
            for status in statuses {
                let route = route.clone();
                metrics::counter!("http_requests_total", "method" => method, "route" => route, "status" => status)
                    .increment(0);
            }
        }
    }
}

fn declare(operation: &mut Operation, kinds: &[&[Declared]], own: &[Declared]) {
    let shared = by_status(kinds.concat());
    for (status, codes) in by_status([own, &kinds.concat()].concat()) {
        let same = shared.get(&status) == Some(&codes);
        let described =
            if same { Ref::from_response_name(name(status)).into() } else { response(status, &codes).into() };
        operation.responses.responses.insert(status.as_str().to_owned(), described);
    }
}

fn by_status(problems: Vec<Declared>) -> BTreeMap<StatusCode, Vec<&'static str>> {
    let mut codes: BTreeMap<StatusCode, Vec<&'static str>> = BTreeMap::new();
    for (status, code) in problems {
        codes.entry(status).or_default().push(code);
    }
    codes
}

/// Returns the status' standard phrase without spaces.
fn name(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or(status.as_str()).replace(' ', "")
}

fn response(status: StatusCode, codes: &[&'static str]) -> Response {
    let code = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes.iter().copied()));
    let problem = AllOfBuilder::new()
        .item(Ref::from_schema_name(Problem::name()))
        .item(ObjectBuilder::new().property("code", code));
    let content = ContentBuilder::new().schema(Some(problem)).build();
    let mut response = ResponseBuilder::new().description(codes.join(", ")).content(MEDIA_TYPE, content);
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        let seconds = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1));
        let header = HeaderBuilder::new().description(Some("Seconds after which to try again.")).schema(Some(seconds));
        response = response.header("Retry-After", header.build());
    }
    response.build()
}
