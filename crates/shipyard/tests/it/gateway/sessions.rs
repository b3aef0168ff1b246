//! The gateway lets a request pass if iam admits its session. It refuses the tokens of services, which only services
//! present to each other.

use contracts::{
    gateway::ROUTES,
    proto::inventory::v1::{ListPartsRequest, inventory_service_client::InventoryServiceClient},
};
use platform::{auth::ServiceKey, ids};
use reqwest::Method;
use serde_json::json;
use testkit::eventually;
use tonic::{Code, Request, transport::Endpoint};

use super::{Caller, Fixture};
use crate::{
    customer::{Response, send},
    system::System,
};

/// The paths that need a session.
fn protected(caller: &Caller) -> Vec<(Method, String)> {
    let rpcs = ROUTES.iter().filter(|route| !route.is_open).map(|route| (route.verb, route.path));
    let of_order = [
        ("GET", "/api/v1/orders"),
        ("POST", "/api/v1/orders"),
        ("GET", "/api/v1/orders/{order_uuid}"),
        ("POST", "/api/v1/orders/{order_uuid}/pay"),
        ("POST", "/api/orders"),
        ("GET", "/api/orders/{order_uuid}"),
    ];
    let ids = ["{order_uuid}", "{uuid}"];
    of_order
        .into_iter()
        .chain(rpcs)
        .map(|(verb, path)| {
            let path = path.replace("{user_uuid}", &caller.user).replace("{customer_id}", &caller.user);
            let path = ids.iter().fold(path, |path, id| path.replace(id, &ids::random().to_string()));
            (verb.parse().unwrap(), path)
        })
        .collect()
}

#[tokio::test]
async fn each_protected_path_treats_each_caller_alike_and_is_closed_without_iam() {
    let Some(mut gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let (caller, ended) = (gateway.caller().await, gateway.caller().await);
    let (living, dead) = (bearer(&gateway, &caller).await, bearer(&gateway, &ended).await);
    gateway.open("/api/v1/iam/logout", json!({ "session_uuid": ended.session })).await.success(200);
    let service = token("order");
    let (session, authorization) = ("X-Session-Uuid", "Authorization");
    let refused: [(&[(&str, &str)], &str); 7] = [
        (&[], "MISSING_SESSION"),
        (&[("X-User-Uuid", &caller.user), ("X-User-Login", &caller.login)], "MISSING_SESSION"),
        (&[(session, &ended.session)], "INVALID_SESSION"),
        (&[(authorization, &dead)], "INVALID_SESSION"),
        (&[(session, &caller.session), (authorization, &living)], "INVALID_SESSION"),
        (&[(authorization, &service)], "INVALID_SESSION"),
        (&[(session, &caller.session), (authorization, &service)], "INVALID_SESSION"),
    ];
    let admitted: [(&str, &str); 2] = [(session, &caller.session), (authorization, &living)];
    let ask = async |gateway: &Fixture, (method, path): &(Method, String), headers: &[(&str, &str)]| -> Response {
        let request = gateway.request(method.clone(), path).json(&json!({}));
        send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    };
    let paths = protected(&caller);
    assert!(paths.len() >= 15, "{paths:?}");

    for path in &paths {
        for (headers, code) in refused {
            let denied = ask(&gateway, path, headers).await;
            assert_eq!(denied.headers["x-auth-status"], "denied", "{path:?} {headers:?}: {denied:?}");
            denied.problem(401, code);
        }
        // The request reaches the service, which may refuse it for another reason. A token cannot issue a token.
        let is_token = path.1.ends_with("/token");
        for header in admitted.into_iter().filter(|(name, _)| !is_token || *name == session) {
            let response = ask(&gateway, path, &[header]).await;
            assert_ne!(response.status, 401, "{path:?} {header:?}: {response:?}");
            assert!(!response.text.contains("there is nothing at this path"), "{path:?}: {response:?}");
            assert!(response.status.as_u16() < 500, "{path:?} {header:?}: {response:?}");
        }
    }
    gateway.stop_check().await;
    for path in &paths {
        ask(&gateway, path, &[admitted[0]]).await.problem(503, "DEPENDENCY_UNAVAILABLE");
    }
}

/// The header with an access token of this caller.
async fn bearer(gateway: &Fixture, caller: &Caller) -> String {
    let issued = gateway.request(Method::POST, "/api/v1/iam/token").header("X-Session-Uuid", &caller.session);
    let issued = send(issued).await.success(200);
    format!("Bearer {}", issued["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn behind_a_second_proxy_one_callers_wrong_logins_do_not_stop_anothers() {
    let more = [("IAM_TRUSTED_PROXIES", "127.0.0.1"), ("IAM_TRUSTED_HOPS", "1"), ("IAM_ADDRESS_FAILURES", "5")];
    let system = System::start_with(None, &more).await;
    let Some(gateway) = Fixture::start(&system, 1).await else { return };
    let caller = gateway.caller().await;
    let log_in = async |address: &str, login: &str, password: &str| {
        let body = json!({ "login": login, "password": password });
        // The proxy in front of the gateway appends the caller's address to the value that the caller sent.
        let from = format!("203.0.113.9, {address}");
        let request =
            || gateway.request(Method::POST, "/api/v1/iam/login").header("X-Forwarded-For", &from).json(&body);
        // On a busy machine the session store may be too slow.
        eventually(async || Some(send(request()).await).filter(|response| response.status != 503)).await
    };

    for attempt in 0..20 {
        let refused = log_in("198.51.100.1", &format!("nobody-{attempt}"), "wrong-password-1").await;
        assert!(matches!(refused.status.as_u16(), 401 | 429), "{refused:?}");
    }
    // On a busy machine the seconds for which the address is refused may be over; the next failures lengthen them.
    let limited = async || Some(log_in("198.51.100.1", "nobody-0", "wrong-password-1").await);
    eventually(async || limited().await.filter(|response| response.status == 429)).await;
    let other = log_in("198.51.100.2", "nobody-1", "wrong-password-1").await;

    assert_eq!(other.status, 401, "{other:?}");
    log_in("198.51.100.2", &caller.login, crate::customer::PASSWORD).await.success(200);
}

pub fn token(service: &'static str) -> String {
    let key = ServiceKey::new("order", &testkit::SERVICE_KEY.into()).unwrap();
    format!("Bearer {}", key.token(service).unwrap())
}

#[tokio::test]
async fn a_token_of_a_service_is_refused_at_every_public_port() {
    let system = System::shared().await;
    let Some(gateway) = Fixture::start(system, 0).await else { return };
    let list = async |address: String, token: &str| {
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
        let mut request = Request::new(ListPartsRequest::default());
        request.metadata_mut().insert("authorization", token.parse().unwrap());
        InventoryServiceClient::new(channel).list_parts(request).await
    };

    let token = token("inventory");
    let directly = list(system.address(&inventory::SERVICE).to_string(), &token).await;
    assert!(directly.is_ok(), "the token is valid: {directly:?}");
    // The header {"typ":"JWT","alg":"HS256","x":"\"alg\":\"ES256\""} has the other algorithm in a text.
    let (_, rest) = token.split_once('.').unwrap();
    let disguised = format!("Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiIsIngiOiJcImFsZ1wiOlwiRVMyNTZcIiJ9.{rest}");
    for token in
        [token.as_str(), &token.replace("Bearer", "bearer"), &disguised, "Basic YTpi", "Bearer a.b.c", "Bearer"]
    {
        let refused = list(gateway.address(contracts::ports::INVENTORY).to_string(), token).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{token}: {refused:?}");
        for (method, path) in [(Method::GET, "/api/v1/inventory/parts"), (Method::POST, "/api/v1/iam/login")] {
            let response = send(gateway.request(method, path).header("Authorization", token)).await;
            response.problem(401, "INVALID_SESSION");
        }
    }
    assert!(gateway.asked().is_empty(), "the gateway refuses them itself");
    // The gateway passes a user's token, {"typ":"at+jwt","alg":"ES256"}, to the service, which verifies it.
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let users = format!("{scheme} eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl");
        let judged = list(gateway.address(contracts::ports::INVENTORY).to_string(), &users).await.unwrap_err();
        assert_ne!(judged.message(), "invalid token", "{scheme}: {judged:?}");
    }
}
