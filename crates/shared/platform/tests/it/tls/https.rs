//! Tests of HTTPS for customers, who have no certificate.

use std::net::SocketAddr;

use axum::{Router, middleware, routing::get};
use platform::{
    auth::{Access, Guard, MemorySessions},
    http,
    listener::Listener,
    server::readiness::Readiness,
    tls::{Acceptor, Clients},
};
use testkit::Running;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use super::fixture::{Files, connect};
use crate::serving::{bind, guard, key};

async fn serve(files: &Files, router: Router) -> (SocketAddr, Running) {
    let (listener, address) = bind().await;
    let listener = Listener::from(listener).with_tls(Acceptor::new(files.load(), Clients::Anyone));
    (address, testkit::run(|stop| http::serve(listener, router, Readiness::default(), stop)))
}

async fn ask(files: &Files, address: SocketAddr, path: &str, header: &str) -> String {
    let mut stream = connect(files.client(None), address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{header}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut response = String::new();
    let _ = stream.read_to_string(&mut response).await;
    response
}

#[tokio::test]
async fn customers_need_no_certificate_over_https_and_a_token_makes_no_caller_a_service_there() {
    let files = Files::new("geo");
    let sessions = MemorySessions::default();
    sessions.open("a session", Uuid::from_u128(1));
    let guard = guard(sessions).otherwise(Access::Session(&["order"]));
    let router =
        Router::new().route("/", get(async || "yes")).layer(middleware::from_fn_with_state(guard, Guard::http));
    let (address, _server) = serve(&files, router).await;
    let token = format!("authorization: Bearer {}", key("order").token("geo").unwrap());

    for (header, status) in [("x-session-uuid: a session", "200"), (&*token, "401"), ("accept: */*", "401")] {
        let response = ask(&files, address, "/", header).await;
        assert_eq!(response.get(9..12), Some(status), "{header}: {response}");
    }
}

#[tokio::test]
async fn an_answer_over_tls_demands_https_for_a_year() {
    let files = Files::new("geo");
    let router = http::layers(Router::new().route("/", get(async || "yes")).fallback(http::not_found));
    let (address, _server) = serve(&files, router).await;

    for (path, status) in [("/", "200"), ("/elsewhere", "404")] {
        let response = ask(&files, address, path, "accept: */*").await;

        assert_eq!(response.get(9..12), Some(status), "{response}");
        let header = "\r\nstrict-transport-security: max-age=31536000; includeSubDomains\r\n";
        assert!(response.contains(header), "{response}");
    }
}
