//! The error responses in the OpenAPI description: those that endpoints share are declared here, once.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use platform::problem::{MEDIA_TYPE, Problem};
use utoipa::{
    ToSchema,
    openapi::{
        AllOfBuilder, ContentBuilder, HeaderBuilder, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder,
        path::Operation,
        schema::{KnownFormat, SchemaFormat, Type},
    },
};
use utoipa_axum::router::UtoipaMethodRouter;

use super::state::Api;

/// A problem's status and its code.
pub type Declared = (StatusCode, &'static str);

/// Responses of the middleware around every endpoint, and to unreadable requests.
const ANYWHERE: [Declared; 7] = [
    (StatusCode::BAD_REQUEST, "INVALID_REQUEST"),
    (StatusCode::UNAUTHORIZED, "MISSING_SESSION"),
    (StatusCode::UNAUTHORIZED, "INVALID_SESSION"),
    (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED"),
    (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY_REQUESTS"),
    (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
    (StatusCode::SERVICE_UNAVAILABLE, "DEPENDENCY_UNAVAILABLE"),
];
/// Further responses to POST requests, whose body is read and which may have an Idempotency-Key.
const POSTED: [Declared; 3] = [
    (StatusCode::CONFLICT, "IDEMPOTENCY_IN_PROGRESS"),
    (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE"),
    (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"),
];
/// Further responses to requests with a JSON body.
const JSON: [Declared; 1] = [(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE")];

/// Adds the responses that the endpoint shares with others, and its `own` ones, to its description.
pub(super) fn declared(mut endpoint: UtoipaMethodRouter<Api>, own: &[Declared]) -> UtoipaMethodRouter<Api> {
    for path in endpoint.1.paths.values_mut() {
        if let Some(operation) = &mut path.get {
            declare(operation, &[&ANYWHERE], own);
        }
        if let Some(operation) = &mut path.post {
            let json: &[Declared] = if operation.request_body.is_some() { &JSON } else { &[] };
            declare(operation, &[&ANYWHERE, &POSTED, json], own);
        }
    }
    endpoint
}

/// The responses that endpoints share, by name.
pub(super) fn shared() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let all = by_status([&ANYWHERE[..], &POSTED, &JSON].concat());
    all.into_iter().map(|(status, codes)| (name(status), response(status, &codes).into()))
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

/// The status' standard phrase, as a name.
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
