//! Requests: an operation of the document, with parts of it replaced.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use platform::auth::SESSION_HEADER;

use super::{
    body,
    operation::{OPERATIONS, Operation, document},
};
use crate::{input::Input, system::Known, words};

const METHODS: [&str; 9] = ["GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
/// Paths besides those of the operations.
const PATHS: [&str; 12] = [
    "/",
    "/openapi.json",
    "/swagger-ui",
    "/swagger-ui/",
    "/swagger-ui/nothing",
    "/swagger-ui/%FF",
    "/health",
    "/health/ready",
    "/api/orders/",
    "/api/v1/orders//",
    "//",
    "/%00",
];
const MEDIA_TYPES: [&str; 6] =
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "text/plain", "", "application/grpc"];
/// Headers that a layer or a handler reads.
const HEADERS: [&str; 9] = [
    "idempotency-key",
    "authorization",
    "traceparent",
    "tracestate",
    "content-encoding",
    "expect",
    "accept",
    "range",
    "x-forwarded-for",
];

/// Returns a request; `None` if an HTTP parser would reject it.
pub fn request(input: &mut Input<'_>, known: &Known) -> Option<(&'static Operation, Request<Body>)> {
    let operation = input.pick(&OPERATIONS);
    let mut request = Request::new(Body::empty());
    *request.method_mut() = method(operation, input)?;
    *request.uri_mut() = Uri::try_from(target(operation, input, known)).ok()?;
    let headers = request.headers_mut();
    let session = match input.byte() % 16 {
        15 => None,
        14 => HeaderValue::from_bytes(input.bytes()).ok(),
        0..=6 => known.user_session.parse().ok(),
        _ => known.operator_session.parse().ok(),
    };
    if let Some(session) = session {
        headers.insert(SESSION_HEADER, session);
    }
    let media_type = if input.once_in(8) { *input.pick(&MEDIA_TYPES) } else { MEDIA_TYPES[0] };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    for _ in 0..input.byte() % 4 {
        let value = match input.byte() % 4 {
            0 => &b"\"key\""[..],
            1 => b"text/html",
            _ => input.bytes(),
        };
        if let Ok(value) = HeaderValue::from_bytes(value) {
            let name = *input.pick(&HEADERS);
            headers.append(HeaderName::from_static(name), value);
        }
    }
    let body = match operation.body {
        Some(schema) => body::body(document(operation.api), schema, input, known),
        None => input.rest().to_vec(),
    };
    *request.body_mut() = Body::from(body);
    Some((operation, request))
}

fn method(operation: &Operation, input: &mut Input<'_>) -> Option<Method> {
    match input.byte() % 32 {
        31 => Method::from_bytes(input.bytes()).ok(),
        29 | 30 => input.pick(&METHODS).parse().ok(),
        _ => operation.method.parse().ok(),
    }
}

fn target(operation: &Operation, input: &mut Input<'_>, known: &Known) -> Vec<u8> {
    let choice = input.byte() % 32;
    if choice == 31 {
        return [b"/", input.bytes()].concat();
    }
    if choice == 30 {
        return (*input.pick(&PATHS)).into();
    }
    let mut target = Vec::new();
    for segment in operation.path.split('/').skip(1) {
        target.push(b'/');
        if !segment.starts_with('{') {
            target.extend(segment.bytes());
        } else if input.once_in(8) {
            target.extend(input.bytes());
        } else {
            escape(&words::uuid(input, known), &mut target);
        }
    }
    let mut separator = b'?';
    for name in &operation.query {
        if input.once_in(2) {
            target.push(separator);
            target.extend(name.bytes());
            target.push(b'=');
            match input.byte() % 4 {
                0 => target.extend(words::integer(input).to_string().bytes()),
                1 => target.extend(input.bytes()),
                _ => escape(&words::text(input, known), &mut target),
            }
            separator = b'&';
        }
    }
    if input.once_in(16) {
        target.push(separator);
        target.extend(input.bytes());
    }
    input.mutate(&mut target);
    target
}

fn escape(text: &str, target: &mut Vec<u8>) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            target.push(byte);
        } else {
            target.extend(format!("%{byte:02X}").bytes());
        }
    }
}
