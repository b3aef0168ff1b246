//! Requests that try to reach a service without the gateway's check.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::{Fixture, PUBLIC};
use crate::system::System;

/// Request targets. The gateway refuses each, or passes it on only after Check.
const TARGETS: [&str; 30] = [
    "/api/v1/iam/login/../../orders",
    "/api/v1/iam/login/..%2f..%2forders",
    "/api/v1/iam/login/%2e%2e/%2e%2e/orders",
    "/api/v1/iam/login/%2E%2e/../orders",
    "/api/v1/iam/login%2f..%2f..%2forders",
    "/api/v1/iam/login%5c..%5c..%5corders",
    "/api/v1/iam/login\\..\\..\\orders",
    "/api/v1/iam/login;/../../orders",
    "/api/v1/iam/login;/orders",
    "/api/v1/iam/login/orders",
    "/api/v1/iam/login./../orders",
    "/api/v1/./orders",
    "//api//v1//orders",
    "/api/v1/orders//",
    "/api/v1/orders/",
    "/api/v1/orders.",
    "/api/v1/orders;x=/api/v1/iam/login",
    "/api/v1/ordersX",
    "/API/V1/ORDERS",
    "/Api/v1/orders",
    "/api/v1/orders%00",
    "/api/v1/orders%20",
    "/api/v1/orders?x=/../../iam/login",
    "/health/../api/v1/orders",
    "/health/%2e%2e/api/v1/orders",
    "/swagger-ui/../api/v1/orders",
    "/openapi.json/../api/v1/orders",
    "http://elsewhere.example/api/v1/orders",
    "http://elsewhere.example//api/v1/iam/login/../../orders",
    "/inventory.v1.InventoryService/ListParts",
];

/// Headers with which a caller claims to be a user, another caller or another path.
const HEADERS: [&str; 12] = [
    "X-User-Uuid: 00000000-0000-0000-0000-000000000001",
    "X-User-Login: root",
    "x_user_uuid: 00000000-0000-0000-0000-000000000001",
    "X-Auth-Status: allowed",
    "X-Envoy-Original-Path: /api/v1/iam/login",
    "X-Original-Url: /api/v1/iam/login",
    "X-Rewrite-Url: /api/v1/iam/login",
    "X-Http-Method-Override: GET",
    "X-Forwarded-For: 127.0.0.1",
    "session-uuid: 00000000-0000-0000-0000-000000000001",
    "Content-Type: application/grpc",
    "Connection: X-Session-Uuid",
];

/// Sends the request unchanged. Returns the status of the response.
async fn status(address: SocketAddr, method: &str, target: &str, headers: &str) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {target} HTTP/1.1\r\nHost: shop.example.\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    // The gateway closes the connection a second after a response that did not need the whole request.
    let mut response = String::new();
    BufReader::new(stream).read_line(&mut response).await.unwrap();
    let status = response.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("{method} {target} {headers}: {response:?}"))
}

#[tokio::test]
async fn no_trick_of_a_path_reaches_a_service_without_check() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let address = gateway.address(PUBLIC);

    for target in TARGETS {
        for method in ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"] {
            for headers in ["", "Content-Length: 0\r\n", "Content-Type: application/grpc\r\n"] {
                gateway.asked();
                let status = status(address, method, target, headers).await;
                let asked = gateway.asked();

                let line = format!("{method} {target} {headers:?}: {status}, {asked:?}");
                assert!(matches!(status, 400 | 401 | 404) || status == 200 && headers.contains("grpc"), "{line}");
                assert!(status != 401 || asked.len() == 1, "{line}");
            }
        }
    }
}

#[tokio::test]
async fn no_header_makes_a_caller_another() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let address = gateway.address(PUBLIC);
    let caller = gateway.caller().await;
    gateway.asked();

    for header in HEADERS {
        let header = format!("{header}\r\n");
        let without = status(address, "GET", "/api/v1/orders", &header).await;
        assert!(matches!(without, 400 | 401) || header.contains("grpc"), "{header}: {without}");
        let session = format!("{header}X-Session-Uuid: {}\r\n", caller.session);
        let within = status(address, "GET", &format!("/api/v1/iam/user/{}", caller.user), &session).await;
        assert!(matches!(within, 200 | 400 | 401 | 404), "{header}: {within}");
    }
    let told = gateway.asked();
    let forged: Vec<_> =
        told.iter().flat_map(|(_, _, headers)| headers.keys()).filter(|name| *name != "x-session-uuid").collect();
    assert!(forged.is_empty(), "iam is told headers that callers forge: {forged:?}");
    let two = format!("X-Session-Uuid: {0}\r\nX-Session-Uuid: {0}\r\n", caller.session);
    assert_eq!(status(address, "GET", "/api/v1/orders", &two).await, 401);
}
