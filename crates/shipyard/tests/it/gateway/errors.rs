//! Errors of the gateway itself, its log, and bodies that pass it.

use contracts::ports::{CONSOLE, DELIVERY_HTTP, INTAKE};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::eventually;

use super::{Fixture, PUBLIC, sessions::token};
use crate::{
    customer::{PASSWORD, Response, send},
    system::System,
};

/// The headers of every response.
const SECURITY: [&str; 4] = ["cache-control", "content-security-policy", "referrer-policy", "x-content-type-options"];

pub fn assert_security_headers(response: &Response) {
    for header in SECURITY {
        assert_eq!(response.headers.get_all(header).iter().count(), 1, "{header}: {response:?}");
    }
}

fn assert_secured(response: &Response) {
    assert_security_headers(response);
    // A request that Envoy refuses while it reads the head has no id yet; Envoy closes its connection.
    let is_closed = response.headers.get("connection").is_some_and(|value| value == "close");
    assert!(response.headers.contains_key("x-request-id") || is_closed, "{response:?}");
}

#[tokio::test]
async fn every_error_of_the_gateway_is_a_problem_and_every_response_has_the_security_headers() {
    let Some(mut gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let caller = gateway.caller().await;
    let raw =
        async |gateway: &Fixture, path: &str, body: String| send(gateway.request(Method::POST, path).body(body)).await;
    let login = "/api/v1/iam/login";
    let problems = [
        (gateway.get("/nothing", "").await, 404, "NOT_FOUND"),
        (gateway.get(login, "").await, 404, "NOT_FOUND"),
        (gateway.get("/api/v1/orders", "").await, 401, "MISSING_SESSION"),
        (raw(&gateway, login, "{\"login\": x".to_owned()).await, 400, "INVALID_REQUEST"),
        (raw(&gateway, &format!("{login}?unknown=1"), "{}".to_owned()).await, 400, "INVALID_REQUEST"),
        (gateway.get("/api/v1/inventory/parts?unknown=1", &caller.session).await, 400, "INVALID_REQUEST"),
        (gateway.get("/api/v1%2forders", "").await, 400, "INVALID_REQUEST"),
        (raw(&gateway, login, "x".repeat(300_000)).await, 413, "PAYLOAD_TOO_LARGE"),
        (
            send(gateway.request(Method::GET, "/health").header("x-long", "x".repeat(20_000))).await,
            431,
            "HEADERS_TOO_LARGE",
        ),
    ];
    for (response, status, code) in problems {
        assert_secured(&response);
        assert_eq!(response.headers.contains_key("retry-after"), status == 503, "{response:?}");
        assert_eq!(response.headers.contains_key("www-authenticate"), status == 401, "{response:?}");
        response.problem(status, code);
    }
    // The bound of RPCs applies to every path except `/api/v1/orders` and the console's paths.
    for path in [login, "/nothing"] {
        let large = raw(&gateway, path, "x".repeat(300_000)).await.json();
        assert_eq!(large["message"], "the body is larger than 256 KiB", "{path}: {large}");
    }
    let large = gateway.request(Method::POST, "/api/v1/orders").header("X-Session-Uuid", &caller.session);
    let large = send(large.body("x".repeat(300_000))).await.json();
    assert_eq!(large["message"], "the body is larger than 64 KiB", "{large}");
    let unknown = gateway.get("/api/v1/inventory/parts?unknown=1", &caller.session).await.json();
    assert!(unknown["detail"].as_str().unwrap().contains("\"unknown\""), "the parameter is named: {unknown}");

    // The service's own errors are google.rpc.Status.
    let refused = gateway.log_in(&caller.login, "wrong-password-1").await;
    assert_secured(&refused);
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (401, &json!(16)), "{refused:?}");
    assert_secured(&gateway.get("/api/v1/orders", &caller.session).await);
    gateway.stop_check().await;
    let unavailable = gateway.get("/api/v1/orders", &caller.session).await;
    assert_secured(&unavailable);
    unavailable.problem(503, "DEPENDENCY_UNAVAILABLE");
}

#[tokio::test]
async fn every_error_of_api_orders_has_its_message_as_error_too() {
    let Some(mut gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let caller = gateway.caller().await;
    let checkout = "/api/orders";
    let order = format!("{checkout}/{}", caller.user);
    let from_service = gateway.request(Method::GET, &order).header("Authorization", token("order"));
    let post = |body: String| {
        let request = gateway.request(Method::POST, checkout).header("X-Session-Uuid", &caller.session);
        send(request.header("Content-Type", "application/json").body(body))
    };

    let mut responses = vec![
        (gateway.get(&order, "").await, 401, "MISSING_SESSION"),
        (gateway.get(&format!("{order}/payment?x=1"), &caller.user).await, 401, "INVALID_SESSION"),
        (send(from_service).await, 401, "INVALID_SESSION"),
        (gateway.get(&order, &caller.session).await, 404, "ORDER_NOT_FOUND"),
        (gateway.get("/api%2forders", &caller.session).await, 400, "INVALID_REQUEST"),
        (post("x".repeat(100_000)).await, 400, "INVALID_REQUEST"),
        (post("x".repeat(300_000)).await, 413, "PAYLOAD_TOO_LARGE"),
    ];
    gateway.stop_check().await;
    responses.push((gateway.get(&order, &caller.session).await, 503, "DEPENDENCY_UNAVAILABLE"));

    for (response, status, code) in responses {
        let problem = response.problem(status, code);
        assert_eq!(problem["error"], problem["message"], "{problem}");
        assert!(status != 413 || problem["message"] == "the body is larger than 256 KiB", "{problem}");
    }
}

#[tokio::test]
async fn the_gateway_logs_logins_and_refusals_with_the_callers_address_and_no_secret() {
    let Some(gateway) = Fixture::start(System::shared().await, 1).await else { return };
    let caller = gateway.caller().await;
    let from = |path: &str| gateway.request(Method::GET, path).header("X-Forwarded-For", "198.51.100.7");
    let refused = send(from("/api/v1/orders?secret=1")).await;
    let request_id = refused.headers["x-request-id"].to_str().unwrap().to_owned();
    gateway.get("/api/v1/orders", &caller.session).await.success(200);

    let log = eventually(async || Some(gateway.gateway.log().await).filter(|log| log.contains(&request_id))).await;

    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let line = lines.iter().find(|line| line["request_id"] == request_id.as_str()).unwrap();
    assert_eq!((&line["address"], &line["status"]), (&json!("198.51.100.7"), &json!(401)), "{line}");
    assert_eq!(line["path"], "/api/v1/orders", "{line}");
    let of = |path: &str| lines.iter().find(|line| line["path"] == path).unwrap_or_else(|| panic!("{path}: {log}"));
    for path in ["/api/v1/iam/register", "/api/v1/iam/login"] {
        assert_eq!((&of(path)["status"], &of(path)["address"]), (&json!(200), &json!("127.0.0.1")));
    }
    assert!(!log.contains("secret") && !log.contains(&caller.session) && !log.contains(&caller.login), "{log}");
    assert_eq!(lines.iter().filter(|line| line["path"] == "/api/v1/orders").count(), 1, "{log}");
}

#[tokio::test]
async fn refused_requests_of_one_caller_neither_lengthen_the_log_nor_name_another_user_in_it() {
    let Some(gateway) = Fixture::start(System::shared().await, 1).await else { return };
    let refused = async |port: u16, from: &str| {
        let request = gateway.request_to(port, Method::GET, &format!("/{}", "x".repeat(10_000)));
        let request = request.header("X-Forwarded-For", from).header("Authorization", "Bearer nonsense");
        let request = request.header("X-User-Uuid", "forged").header("X-Auth-Status", "forged");
        let response = send(request.header("X-Request-Id", "r".repeat(200))).await;
        assert_eq!(response.status.as_u16(), 401, "{port}: {response:?}");
    };
    let ports = [PUBLIC, DELIVERY_HTTP, INTAKE, CONSOLE];
    for port in ports {
        for _ in 0..100 {
            refused(port, "198.51.100.7").await;
        }
        refused(port, "198.51.100.8").await;
    }

    let of = |log: &str, address: &str| log.lines().filter(|line| line.contains(address)).count();
    let log = eventually(async || Some(gateway.gateway.log().await).filter(|log| of(log, "198.51.100.8") == 4)).await;

    // 20 lines a minute from each port; a new minute may have begun meanwhile.
    assert!((80..=160).contains(&of(&log, "198.51.100.7")), "{log}");
    assert!(!log.contains("forged") && log.lines().all(|line| line.len() < 800), "{log}");
}

/// `.ci/run` buys a ship through the gateway, with the commands of docs/api-tour.md.
#[tokio::test]
async fn an_rpc_is_json_with_the_names_of_its_proto() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let session = gateway.caller().await.session;

    let parts = gateway.get("/api/v1/inventory/parts?filter.names=Thruster&filter.names=Viewport", &session).await;
    let parts = parts.success(200)["parts"].clone();
    let path = format!("/api/v1/inventory/part/{}", parts[0]["uuid"].as_str().unwrap());
    let one = gateway.get(&path, &session).await.success(200);

    assert_eq!((parts.as_array().unwrap().len(), &one["part"]), (1, &parts[0]));
    // int64 is text, and an enum is its name.
    assert!(one["part"]["stock_quantity"].is_string() && one["part"]["category"].is_string(), "{one}");
}

#[tokio::test]
async fn a_body_of_60_kb_and_a_large_response_pass_the_gateway() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let caller = gateway.caller().await;
    let padding = "x".repeat(60_000);

    let body = json!({ "login": caller.login, "password": PASSWORD, "padding": padding });
    gateway.open("/api/v1/iam/login", body).await.success(200);
    let document = gateway.get("/openapi.json", "").await;

    assert!(document.text.len() > 20_000, "{}", document.text.len());
    let document = document.json();
    for path in ["/api/v1/orders", "/api/v1/iam/login", "/api/v1/inventory/parts"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
}
