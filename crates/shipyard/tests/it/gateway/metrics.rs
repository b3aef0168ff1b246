//! The gateway's metrics, as Prometheus reads them, and the trace of each request, which it begins.

use std::path::Path;

use reqwest::{Method, StatusCode};
use testkit::{GatewaySettings, eventually};
use tokio::net::TcpStream;

use super::{Fixture, PUBLIC};
use crate::{collector::Collector, customer::send, system::System};

/// The port of the listener in `deploy/envoy/envoy.yaml`.
const PORT: u16 = 9902;

/// Returns the names of the metrics that Prometheus keeps.
fn kept() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/observability/containers/services.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once("regex: \"").unwrap();
    let (names, _) = rest.split_once('"').unwrap();
    names.split('|').map(str::to_owned).collect()
}

#[tokio::test]
async fn prometheus_finds_what_it_keeps_of_the_gateway_and_reaches_nothing_else_of_its_admin_api() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let metrics = async || send(gateway.request_to(PORT, Method::GET, "/stats/prometheus")).await;

    let exported = metrics().await;

    assert_eq!(exported.status, StatusCode::OK, "{exported:?}");
    for name in kept() {
        let is_of = |line: &str| line.strip_prefix(&name).is_some_and(|rest| rest.starts_with(['{', ' ']));
        assert!(exported.text.lines().any(is_of), "{name}");
    }
    // Responses have the labels that the dashboard and the alert read, also before the first one.
    let failures =
        r#"envoy_http_downstream_rq_xx{envoy_response_code_class="5",envoy_http_conn_manager_prefix="gateway"} 0"#;
    assert!(exported.text.lines().any(|line| line == failures), "{failures}");
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/stats"),
        (Method::GET, "/config_dump"),
        (Method::GET, "/stats/prometheus/"),
        (Method::GET, "/stats/prometheus?filter=.*"),
        (Method::POST, "/stats/prometheus"),
        (Method::POST, "/quitquitquit"),
    ] {
        let response = send(gateway.request_to(PORT, method.clone(), path)).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{method} {path}: {response:?}");
    }
    assert_eq!(metrics().await.status, StatusCode::OK);
}

/// Returns the value of a metric of Envoy's overload manager.
async fn overload(gateway: &Fixture, metric: &str) -> f64 {
    let exported = send(gateway.request_to(PORT, Method::GET, "/stats/prometheus")).await.text;
    let name = format!("envoy_overload_envoy_{metric}");
    let line = exported.lines().find_map(|line| line.strip_prefix(&name)?.rsplit(' ').next()?.parse().ok());
    line.unwrap_or_else(|| panic!("no {name}"))
}

#[tokio::test]
async fn quiet_connections_are_closed_sooner_once_they_take_half_of_the_places_of_a_port() {
    let Some(gateway) = Fixture::start(System::shared().await, 0).await else { return };
    let mut quiet = Vec::new();
    let mut open = async |count: u16| {
        while quiet.len() < usize::from(count) {
            quiet.push(TcpStream::connect(gateway.address(PUBLIC)).await.expect("`ulimit -n` allows 2 000"));
        }
        let percent = f64::from(count / 80);
        let pressure =
            async || overload(&gateway, "resource_monitors_global_downstream_max_connections_pressure").await;
        eventually(async || (pressure().await >= percent).then_some(())).await;
    };

    open(1_400).await;
    let before = overload(&gateway, "overload_actions_reduce_timeouts_active").await;
    open(1_600).await;
    let after = overload(&gateway, "overload_actions_reduce_timeouts_active").await;

    assert_eq!((before, after), (0.0, 1.0));
}

#[tokio::test]
async fn the_gateway_begins_a_trace_and_tells_nothing_of_its_caller() {
    let collector = Collector::start().await;
    let settings = GatewaySettings { collector: Some(collector.address()), ..GatewaySettings::default() };
    let Some(gateway) = Fixture::start_with(System::shared().await, settings).await else { return };
    let caller = gateway.caller().await;
    let theirs = "0af7651916cd43dd8448eb211c80319c";

    let request = gateway.request(Method::GET, &format!("/api/v1/customers/{}?limit=1", caller.user));
    let request = request.header("X-Session-Uuid", &caller.session).header("User-Agent", "curious/1.0");
    let response = send(request.header("traceparent", format!("00-{theirs}-b7ad6b7169203331-01"))).await;
    let span = eventually(async || {
        let spans = collector.spans().await;
        spans.into_iter().find(|span| span.name == "GET /api/v1/customers/{customer_id}")
    })
    .await;

    assert_eq!((span.service.as_str(), span.parent.as_slice()), ("gateway", &[][..]));
    assert_ne!(span.trace, theirs);
    assert_eq!(response.headers["x-trace-id"], span.trace, "{response:?}");
    for (_, body) in collector.bodies().await {
        let told = String::from_utf8_lossy(&body);
        for secret in [caller.user.as_str(), &caller.session, "curious", "127.0.0.1"] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
    }
}
