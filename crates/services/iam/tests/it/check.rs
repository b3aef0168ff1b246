//! Tests of `Check`: what the gateway learns about a request, from its headers alone.

use std::collections::{BTreeMap, HashMap};

use contracts::proto::{
    auth::v1::LoginRequest,
    envoy::service::auth::v3::{
        AttributeContext, CheckRequest, CheckResponse, HeaderValueOption,
        attribute_context::{HttpRequest, Request},
        authorization_client::AuthorizationClient,
        check_response::HttpResponse,
        header_value_option::HeaderAppendAction,
    },
};
use platform::auth::ServiceKey;
use serde_json::Value;
use tonic::{Code, Status};

use crate::fixture::{Iam, iam};

/// Asks about a request with these headers, as the gateway does.
pub async fn check(iam: &Iam, headers: &[(&str, &str)]) -> Result<CheckResponse, Status> {
    check_of("/api/v1/orders", iam, headers).await
}

async fn check_of(path: &str, iam: &Iam, headers: &[(&str, &str)]) -> Result<CheckResponse, Status> {
    let headers: HashMap<_, _> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (method, path) = ("GET".to_owned(), path.to_owned());
    let http = HttpRequest { method, path, headers, ..HttpRequest::default() };
    let attributes = AttributeContext { request: Some(Request { http: Some(http) }), ..AttributeContext::default() };
    let request = CheckRequest { attributes: Some(attributes) };
    Ok(AuthorizationClient::new(iam.channel.clone()).check(request).await?.into_inner())
}

/// Returns the headers that the response sets. Asserts that each replaces what the caller sent.
fn set(headers: &[HeaderValueOption]) -> BTreeMap<&str, &str> {
    let set = headers.iter().map(|option| {
        assert_eq!(option.append_action(), HeaderAppendAction::OverwriteIfExistsOrAdd);
        let header = option.header.as_ref().unwrap();
        (header.key.as_str(), header.value.as_str())
    });
    set.collect()
}

/// Asserts that the request is allowed as this user's.
pub fn assert_allowed(response: &CheckResponse, user: &str, login: Option<&str>) {
    assert_eq!(response.status.as_ref().unwrap().code, i32::from(Code::Ok));
    let Some(HttpResponse::OkResponse(ok)) = &response.http_response else { panic!("denied: {response:?}") };
    let expected = [("x-user-uuid", user)].into_iter().chain(login.map(|login| ("x-user-login", login)));
    assert_eq!(set(&ok.headers), expected.collect());
    assert_eq!(ok.headers_to_remove.is_empty(), login.is_some(), "a login that is not known is removed");
}

/// Returns the code and the message of the response to a denied request.
fn denied(response: &CheckResponse) -> (String, String) {
    assert_eq!(response.status.as_ref().unwrap().code, i32::from(Code::Unauthenticated));
    let Some(HttpResponse::DeniedResponse(denied)) = &response.http_response else { panic!("allowed: {response:?}") };
    assert_eq!(denied.status.as_ref().unwrap().code, 401);
    let expected = [("content-type", "application/problem+json"), ("x-auth-status", "denied")];
    assert_eq!(set(&denied.headers), expected.into_iter().collect());
    let problem: Value = serde_json::from_str(&denied.body).unwrap();
    assert_eq!((&problem["status"], &problem["title"]), (&401.into(), &"Unauthorized".into()));
    let text = |name: &str| problem[name].as_str().unwrap().to_owned();
    (text("code"), text("message"))
}

#[tokio::test]
async fn a_request_with_a_session_or_a_token_is_its_users() {
    let iam = iam().await;
    let (info, user, session) = iam.registered_user().await;
    let token = iam.token(&session).await;
    let bearer = format!("Bearer {token}");
    let lower = format!("bearer {token}");
    let forged = [("x-user-uuid", "evil"), ("x-user-login", "root"), ("cookie", "session=1")];

    for own in
        [("x-session-uuid", session.as_str()), ("authorization", bearer.as_str()), ("authorization", lower.as_str())]
    {
        let response = check(&iam, &[&forged[..], &[own]].concat()).await.unwrap();
        assert_allowed(&response, &user, Some(&info.login));
    }

    iam.logout(&session).await.unwrap();
    for own in [("x-session-uuid", session.as_str()), ("authorization", bearer.as_str())] {
        let code = denied(&check(&iam, &[own]).await.unwrap()).0;
        assert_eq!(code, "INVALID_SESSION", "at once after the logout");
    }
}

#[tokio::test]
async fn any_other_request_is_denied_with_the_codes_and_texts_of_the_apis() {
    let iam = iam().await;
    let (_, _, session) = iam.registered_user().await;
    let token = iam.token(&session).await;
    let bearer = format!("Bearer {token}");
    let service = ServiceKey::new("order", &testkit::SERVICE_KEY.into()).unwrap();
    let service = format!("Bearer {}", service.token("iam").unwrap());
    let twice = format!("{session},{session}");
    let bearer_twice = format!("{bearer},{bearer}");
    let unknown = platform::ids::random().to_string();
    let missing = ("MISSING_SESSION".to_owned(), "Authentication required".to_owned());
    let invalid = ("INVALID_SESSION".to_owned(), "Authentication failed".to_owned());

    for (headers, expected) in [
        (&[][..], &missing),
        (&[("x-session-uuid", "")], &missing),
        (&[("cookie", session.as_str())], &missing),
        (&[("session-uuid", session.as_str())], &missing),
        (&[("x-session-uuid", unknown.as_str())], &invalid),
        (&[("x-session-uuid", "no uuid")], &invalid),
        (&[("x-session-uuid", twice.as_str())], &invalid),
        (&[("x-session-uuid", token.as_str())], &invalid),
        (&[("x-session-uuid", "a\nb")], &invalid),
        (&[("authorization", service.as_str())], &invalid),
        (&[("authorization", service.as_str()), ("x-session-uuid", session.as_str())], &invalid),
        (&[("authorization", bearer.as_str()), ("x-session-uuid", session.as_str())], &invalid),
        (&[("authorization", bearer_twice.as_str())], &invalid),
        (&[("authorization", token.as_str())], &invalid),
        (&[("authorization", "")], &invalid),
        (&[("authorization", "Basic YW5uOmFubg==")], &invalid),
    ] {
        assert_eq!(denied(&check(&iam, headers).await.unwrap()), *expected, "{headers:?}");
    }
    let nothing = AuthorizationClient::new(iam.channel.clone()).check(CheckRequest::default()).await.unwrap();
    assert_eq!(denied(&nothing.into_inner()), missing, "a request without attributes");
}

#[tokio::test]
async fn a_denied_request_to_api_orders_has_its_message_as_error_too() {
    let iam = iam().await;

    for (path, error) in [
        ("/api/orders", Some("Authentication required")),
        ("/api/orders?limit=1", Some("Authentication required")),
        ("/api/orders/0199a8f0-0b6c-7c44-9d5a-2f8e6d1c3b7a/payment", Some("Authentication required")),
        ("/api/v1/orders", None),
        ("/api/ordersx", None),
    ] {
        let response = check_of(path, &iam, &[]).await.unwrap();

        assert_eq!(denied(&response).0, "MISSING_SESSION");
        let Some(HttpResponse::DeniedResponse(denied)) = &response.http_response else {
            panic!("allowed: {response:?}")
        };
        let problem: Value = serde_json::from_str(&denied.body).unwrap();
        assert_eq!(problem.get("error").and_then(Value::as_str), error, "{path}: {problem}");
    }
}

#[tokio::test]
async fn a_flood_of_other_calls_takes_no_slot_of_check() {
    let settings = crate::fixture::settings().await.with([
        ("GRPC_MAX_IN_FLIGHT", "2".to_owned()),
        ("IAM_HASHING_THREADS", "1".to_owned()),
        ("IAM_ARGON2_MEMORY_KIB", "19456".to_owned()),
        ("IAM_ARGON2_ITERATIONS", "40".to_owned()),
    ]);
    let iam = crate::fixture::start(&settings).await;
    let (info, user, session) = iam.registered_user().await;
    let login = || {
        let request = LoginRequest { login: info.login.clone(), password: "a wrong password".to_owned() };
        let mut auth = iam.auth.clone();
        tokio::spawn(async move { auth.login(request).await.map(drop).unwrap_err().code() })
    };
    let slow = [login(), login()];
    testkit::eventually(|| async { (login().await.unwrap() == Code::ResourceExhausted).then_some(()) }).await;

    let response = check(&iam, &[("x-session-uuid", session.as_str())]).await.unwrap();

    assert_allowed(&response, &user, Some(&info.login));
    assert!(slow.iter().any(|login| !login.is_finished()), "the slots were not full");
}
