//! The gateway begins the trace of each request.

use reqwest::Method;
use testkit::{GatewaySettings, eventually};

use super::fixture::Fixture;
use crate::{collector::Collector, customer::send, system::System};

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
