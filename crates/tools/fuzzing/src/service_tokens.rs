//! Arbitrary bytes as a session or a service's token are refused, and so is a valid one with one changed bit.

use axum::body::Body;
use http::{HeaderValue, Request, header};
use platform::auth::{SESSION_HEADER, SESSION_METADATA};
use uuid::Uuid;

use crate::{
    grpc,
    input::Input,
    system::{self, HttpApi, System},
};

/// Calls services with a session or a token derived from `data`.
pub fn tokens(data: &[u8]) {
    system::with(|system| {
        let mut input = Input::new(data);
        match input.below(4) {
            0 => session(system, input.rest()),
            1 => token(system, input.rest()),
            2 => {
                let known = &system.services.known;
                let mut id = input.pick(&[&known.user_session, &known.iam_session]).as_bytes().to_vec();
                let (place, bit) = (input.below(id.len()), input.byte() % 8);
                id[place] ^= 1 << bit;
                session(system, &id);
            }
            _ => {
                let mut token = system.token("order", "inventory").into_bytes();
                let (place, bit) = (input.below(token.len()), input.byte() % 8);
                token[place] ^= 1 << bit;
                self::token(system, &token);
            }
        }
    });
}

/// Asserts that HTTP, gRPC and iam itself refuse the id unless it is a session's.
fn session(system: &System, id: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(id) {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = "/api/v1/orders".parse().expect("a path");
        request.headers_mut().insert(SESSION_HEADER, value.clone());
        let status = system.http(HttpApi::Order, request).status();
        assert_eq!(status.as_u16() == 200, is_open(system, id), "session {value:?}");
        let answer = system.run(grpc::try_list(system, SESSION_METADATA, value));
        assert_eq!(answer, is_open(system, id));
    }
    if let Ok(text) = str::from_utf8(id) {
        let same = Uuid::try_parse(text).is_ok_and(|uuid| uuid.to_string() == system.services.known.iam_session);
        assert_eq!(system.run(grpc::try_whoami(system, text)), same, "iam's session {text:?}");
    }
}

/// Asserts that the text is refused unless it is order's token for inventory.
fn token(system: &System, text: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(text) else { return };
    let own = system.token("order", "inventory");
    // The scheme is case-insensitive.
    let is_own = text.len() == own.len()
        && text[.."Bearer".len()].eq_ignore_ascii_case(b"Bearer")
        && text["Bearer".len()..] == own.as_bytes()["Bearer".len()..];
    let admitted = system.run(grpc::try_list(system, header::AUTHORIZATION.as_str(), value.clone()));
    assert_eq!(admitted, is_own, "{value:?}");
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = "/api/v1/orders".parse().expect("a path");
    request.headers_mut().insert(header::AUTHORIZATION, value);
    assert_eq!(system.http(HttpApi::Order, request).status(), 401);
}

/// Returns true if a guard accepts the id: a session's, in any spelling.
fn is_open(system: &System, id: &[u8]) -> bool {
    let known = &system.services.known;
    let uuid = str::from_utf8(id).ok().and_then(|text| Uuid::try_parse(text).ok()).map(|uuid| uuid.to_string());
    uuid.is_some_and(|uuid| [&known.user_session, &known.operator_session].contains(&&uuid))
}
