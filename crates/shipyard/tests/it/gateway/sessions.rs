//! The gateway lets a request pass if iam admits its session.

use contracts::gateway::ROUTES;
use platform::ids;
use reqwest::Method;
use serde_json::json;

use super::fixture::{Caller, Fixture};
use crate::{customer::Answer, system::System};

/// Returns the paths that need a session: those of order, and the RPCs that need one.
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
async fn each_protected_path_needs_a_living_session_and_iam() {
    let Some(mut gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let caller = gateway.caller().await;
    let dead = gateway.caller().await.session;
    gateway.open("/api/v1/iam/logout", json!({ "session_uuid": dead })).await.success(200);
    let ask = async |gateway: &Fixture, (method, path): &(Method, String), session: Option<&str>| -> Answer {
        let request = gateway.request(method.clone(), path).json(&json!({}));
        let request = session.iter().fold(request, |request, session| request.header("X-Session-Uuid", *session));
        crate::customer::send(request).await
    };
    let paths = protected(&caller);
    assert!(paths.len() >= 15, "{paths:?}");

    for path in &paths {
        ask(&gateway, path, None).await.problem(401, "MISSING_SESSION");
        let denied = ask(&gateway, path, Some(&dead)).await;
        assert_eq!(denied.headers["x-auth-status"], "denied", "{denied:?}");
        denied.problem(401, "INVALID_SESSION");
        // The request reaches the service, which may find other faults in it.
        let admitted = ask(&gateway, path, Some(&caller.session)).await;
        assert_ne!(admitted.status, 401, "{path:?}: {admitted:?}");
        assert!(!admitted.text.contains("there is nothing at this path"), "{path:?}: {admitted:?}");
        assert!(admitted.status.as_u16() < 500, "{path:?}: {admitted:?}");
    }
    gateway.stop_check();
    for path in &paths {
        ask(&gateway, path, Some(&caller.session)).await.problem(503, "DEPENDENCY_UNAVAILABLE");
    }
}

#[tokio::test]
async fn behind_a_second_proxy_one_callers_wrong_logins_do_not_stop_anothers() {
    let more = [("IAM_TRUSTED_PROXIES", "127.0.0.1"), ("IAM_TRUSTED_HOPS", "1"), ("IAM_ADDRESS_FAILURES", "5")];
    let system = System::start_with(None, &more).await;
    let Some(gateway) = Fixture::start(&system, 1).await else { return };
    let caller = gateway.caller().await;
    let log_in = async |address: &str, login: &str, password: &str| {
        let body = json!({ "login": login, "password": password });
        // The proxy before the gateway appends the address that it saw; what stands before it, the caller sent.
        let from = format!("203.0.113.9, {address}");
        let request = gateway.request(Method::POST, "/api/v1/iam/login").header("X-Forwarded-For", from).json(&body);
        crate::customer::send(request).await
    };

    for attempt in 0..20 {
        let refused = log_in("198.51.100.1", &format!("nobody-{attempt}"), "wrong-password-1").await;
        assert!(matches!(refused.status.as_u16(), 401 | 429), "{refused:?}");
    }
    let limited = log_in("198.51.100.1", &caller.login, crate::customer::PASSWORD).await;
    let other = log_in("198.51.100.2", &caller.login, crate::customer::PASSWORD).await;

    assert_ne!(limited.status, 200, "{limited:?}");
    other.success(200);
}
