//! The ports of single services, whose requests are not checked by the gateway.

use std::time::Duration;

use contracts::ports::{CONSOLE, DELIVERY_HTTP, INTAKE};
use operations::registry::SERVICES;
use reqwest::Method;
use testkit::{Gateway, GatewaySettings, Upstream, eventually};

use super::{Fixture, errors::assert_security_headers};
use crate::{customer::send, system::System};

#[tokio::test]
async fn intake_echoes_the_request_id_of_a_caller_from_outside() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };

    for id in ["abc-123", "0f860f2c-d76a-4140-99b3-fcc63f27a826"] {
        let request = gateway.request_to(INTAKE, Method::GET, "/orders/unknown").header("X-Request-ID", id);
        // A request with this header is not internal, although its caller is at 127.0.0.1.
        let response = send(request.header("X-Forwarded-For", "198.51.100.7")).await;

        assert_eq!(response.headers["x-request-id"], id, "{response:?}");
    }
}

#[tokio::test]
async fn intake_itself_says_that_there_is_no_order_with_an_odd_id() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let caller = gateway.caller().await;

    for id in ["unknown", "a/b", "a%2Fb", "%3Cscript%3E", "a%00b", "%ff", "%2e%2e%2f", "%20"] {
        let request = gateway.request_to(INTAKE, Method::GET, &format!("/orders/{id}"));
        let response = send(request.header("X-Session-Uuid", &caller.session)).await;

        let problem = response.problem(404, "ORDER_NOT_FOUND");
        assert_eq!(problem["message"], "order not found", "{id}");
    }
}

/// The path of a request to intake may contain the id of the customer to erase.
#[tokio::test]
async fn the_gateway_logs_no_path_of_a_request_to_intake() {
    let nowhere = servers::free_address().unwrap();
    let upstreams = SERVICES.into_iter().map(|service| Upstream {
        name: service.name,
        apis: service.apis().into_iter().map(|api| (api.port, nowhere)).collect(),
        admin: (service.admin_port, nowhere),
    });
    let upstreams: Vec<Upstream> = upstreams.collect();
    let Some(gateway) = Gateway::start(&upstreams, GatewaySettings::default()).await else { return };
    let http = platform::http::client(Duration::from_secs(20)).unwrap();
    let erase = || http.post(format!("http://{}/customers/7/erase", gateway.address(INTAKE)));

    send(erase()).await.problem(503, "DEPENDENCY_UNAVAILABLE");
    send(erase().header("Authorization", "Bearer nonsense")).await.problem(401, "INVALID_SESSION");

    let lines = |log: &str| log.lines().filter(|line| line.starts_with('{')).count();
    let log = eventually(async || Some(gateway.log().await).filter(|log| lines(log) == 2)).await;
    assert!(!log.contains("customers"), "{log}");
}

#[tokio::test]
async fn every_error_of_the_gateway_at_the_port_of_a_service_is_a_problem_with_the_security_headers() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let long = |port| gateway.request_to(port, Method::GET, "/").header("x-long", "x".repeat(20_000));
    let escaped = |port| gateway.request_to(port, Method::GET, "/a%2fb");

    let mut responses = Vec::new();
    for port in [DELIVERY_HTTP, INTAKE, CONSOLE] {
        responses.push((send(long(port)).await, 431, "HEADERS_TOO_LARGE"));
    }
    for port in [DELIVERY_HTTP, CONSOLE] {
        responses.push((send(escaped(port)).await, 400, "INVALID_REQUEST"));
    }

    for (response, status, code) in responses {
        assert_security_headers(&response);
        response.problem(status, code);
    }
}
