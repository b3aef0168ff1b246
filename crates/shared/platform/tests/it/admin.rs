//! Tests of the responses of the admin port to unknown paths and methods.

use std::time::Duration;

use platform::{
    http::{self, own_hosts::OwnHosts},
    server::{health::admin_routes, readiness::Readiness},
};
use reqwest::{Method, StatusCode, header};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Starts an admin port. It stops when the returned guard is dropped.
async fn start() -> (String, DropGuard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let stop = CancellationToken::new();
    let routes = admin_routes(vec![Readiness::default()], OwnHosts::default());
    tokio::spawn(http::serve(listener, routes, Readiness::default(), stop.clone()));
    (url, stop.drop_guard())
}

/// Returns the status, the media type, the body and the header `Allow` of a response.
async fn ask(method: Method, url: String) -> (StatusCode, String, serde_json::Value, Option<String>) {
    let client = http::client(Duration::from_secs(5)).expect("a client");
    let answer = client.request(method, url).send().await.expect("an answer");
    let text = |name: header::HeaderName| Some(answer.headers().get(name)?.to_str().ok()?.to_owned());
    let (media_type, allowed) = (text(header::CONTENT_TYPE).unwrap_or_default(), text(header::ALLOW));
    (answer.status(), media_type, answer.json().await.expect("a JSON body"), allowed)
}

#[tokio::test]
async fn an_unknown_path_of_the_admin_port_is_a_problem() {
    let (url, _port) = start().await;

    let (status, media_type, problem, _) = ask(Method::GET, format!("{url}/metric")).await;

    assert_eq!((status, media_type.as_str()), (StatusCode::NOT_FOUND, "application/problem+json"));
    assert_eq!(problem["code"], "NOT_FOUND");
    assert!(problem["detail"].as_str().unwrap().contains("/metric"), "{problem}");
}

#[tokio::test]
async fn another_method_of_the_admin_port_is_a_problem_that_names_those_it_has() {
    let (url, _port) = start().await;

    for path in ["/metrics", "/health", "/health/ready", "/health/live"] {
        let (status, media_type, problem, allowed) = ask(Method::DELETE, format!("{url}{path}")).await;

        assert_eq!(
            (status, media_type.as_str()),
            (StatusCode::METHOD_NOT_ALLOWED, "application/problem+json"),
            "{path}"
        );
        assert_eq!(problem["code"], "METHOD_NOT_ALLOWED", "{path}");
        assert_eq!(allowed.as_deref(), Some("GET,HEAD"), "{path}");
    }
}
