//! Tests of the headers that every HTTP response has: what caches, browsers and clients may do with it.

use std::time::Duration;

use axum::{Router, http::header, middleware, routing::get};
use platform::{
    auth::{Access, Guard, MemorySessions, SESSION_HEADER},
    http,
};
use reqwest::Response;
use testkit::Running;
use uuid::Uuid;

use crate::serving::{guard, over_http};

/// Starts an API with a route for users, a public one with a lifetime of its own, and one that panics. Returns its URL.
async fn start() -> (String, Running) {
    let sessions = MemorySessions::default();
    sessions.open("a session", Uuid::from_u128(1));
    let guard = guard(sessions).otherwise(Access::Session(&[]));
    let router = Router::new()
        .route("/orders", get(async || "the orders of the caller"))
        .route("/defect", get(async || -> &'static str { panic!("a defect") }))
        .layer(middleware::from_fn_with_state(guard, Guard::http))
        .route("/style.css", get(async || ([(header::CACHE_CONTROL, "max-age=3600")], "body {}")));
    let (address, server) = over_http(http::layers(router.fallback(http::not_found))).await;
    (format!("http://{address}"), server)
}

async fn ask(url: &str, path: &str, session: Option<&str>) -> Response {
    let request = http::client(Duration::from_secs(5)).expect("a client").get(format!("{url}{path}"));
    let request = session.into_iter().fold(request, |request, session| request.header(SESSION_HEADER, session));
    request.send().await.expect("a response")
}

fn header(response: &Response, name: &str) -> Option<String> {
    response.headers().get(name).map(|value| value.to_str().expect("it is ASCII").to_owned())
}

#[tokio::test]
async fn no_cache_keeps_an_answer_and_no_browser_guesses_its_type() {
    let (url, _server) = start().await;
    let session = Some("a session");
    let challenge = r#"Session realm="shipyard", header="X-Session-Uuid""#;

    for (path, session, status, cache, authenticate) in [
        ("/orders", session, 200, "no-store", None),
        ("/orders", Some("dead"), 401, "no-store", Some(challenge)),
        ("/orders", Some(""), 401, "no-store", Some(challenge)),
        ("/orders", None, 401, "no-store", Some(challenge)),
        ("/elsewhere", session, 404, "no-store", None),
        ("/defect", session, 500, "no-store", None),
        ("/style.css", None, 200, "max-age=3600", None),
    ] {
        let response = ask(&url, path, session).await;

        let case = format!("{path} with {session:?}");
        assert_eq!(response.status(), status, "{case}");
        assert_eq!(header(&response, "cache-control").as_deref(), Some(cache), "{case}");
        assert_eq!(header(&response, "www-authenticate").as_deref(), authenticate, "{case}");
        assert_eq!(header(&response, "strict-transport-security"), None, "{case}: there is no TLS");
        assert_eq!(header(&response, "x-content-type-options").as_deref(), Some("nosniff"), "{case}");
        assert_eq!(header(&response, "referrer-policy").as_deref(), Some("no-referrer"), "{case}");
        let policy = header(&response, "content-security-policy").unwrap_or_default();
        let allowed = ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "sandbox"];
        assert!(allowed.iter().all(|directive| policy.contains(directive)), "{case}: {policy:?}");
    }
}
