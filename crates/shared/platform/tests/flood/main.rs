//! Tests that requests of strangers take bounded memory. The test has its own process, whose memory and metrics it
//! measures.

use std::{collections::BTreeSet, time::Duration};

use axum::{Router, routing::get};
use platform::{
    config::Settings,
    http, ids,
    server::readiness::Readiness,
    telemetry::{self, render_metrics},
};
use reqwest::{Client, Method, RequestBuilder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The number of requests of a flood, and of the preceding requests that warm up connections, buffers and the
/// allocator.
const FLOOD: usize = 10_000;
const WARM_UP: usize = 1_000;
/// The maximum growth of resident memory in a flood, in bytes. It is far less than the size of the paths that the flood
/// sends.
const MAX_GROWTH: usize = 4 << 20;
/// The maximum number of series. The routes, methods, RPCs and codes of both servers have fewer, and a flood has far
/// more requests.
const MAX_SERIES: usize = 500;

#[tokio::test]
async fn what_strangers_send_takes_bounded_memory_and_a_bounded_number_of_series() {
    let quiet = telemetry::Config { log_level: "off".to_owned(), ..Settings::default().read().unwrap() };
    let _telemetry = telemetry::start("test", &quiet).unwrap();
    let (over_http, over_grpc) = (serve_http().await, testkit::iam().await);
    let strangers = Strangers {
        http: client().build().unwrap(),
        http_url: over_http,
        grpc: client().http2_prior_knowledge().build().unwrap(),
        grpc_url: format!("http://{}", over_grpc.address),
    };
    strangers.flood(WARM_UP, false).await;
    let before = resident();

    strangers.flood(FLOOD, false).await;
    let without_scraper = resident().saturating_sub(before);
    strangers.flood(FLOOD, true).await;
    let with_scraper = resident().saturating_sub(before);

    let (series, size) = (series(), render_metrics().len());
    println!(
        "{} series, {size} bytes of metrics, {without_scraper} bytes more without a scraper, {with_scraper} with",
        series.len()
    );
    assert!(series.len() < MAX_SERIES, "{} series, {size} bytes of metrics", series.len());
    assert!(without_scraper < MAX_GROWTH, "{without_scraper} bytes more without a scraper");
    assert!(with_scraper < MAX_GROWTH, "{with_scraper} bytes more with a scraper");
    let labels = series.into_iter().collect::<Vec<_>>().join("\n");
    for known in [
        r#"http_requests_total{method="GET",route="/known/{id}",status="200"}"#,
        r#"http_requests_total{method="unknown",route="/known/{id}",status="405"}"#,
        r#"http_requests_total{method="POST",route="unknown",status="404"}"#,
        r#"grpc_server_handled_total{rpc="/user.v1.UserService/GetUser",code="16"}"#,
        r#"grpc_server_handled_total{rpc="unknown",code="12"}"#,
    ] {
        assert!(labels.contains(known), "{known} is missing from\n{labels}");
    }
}

/// Clients that send requests without a session, each with a new path or method.
struct Strangers {
    http: Client,
    http_url: String,
    grpc: Client,
    grpc_url: String,
}

impl Strangers {
    async fn flood(&self, count: usize, scraped: bool) {
        for round in 0..count / 10 {
            futures::future::join_all(self.requests().into_iter().map(|request| async {
                // The protocol itself refuses some of the requests without a response.
                let _ = request.send().await;
            }))
            .await;
            if scraped && round % 100 == 0 {
                render_metrics();
            }
        }
    }

    fn requests(&self) -> [RequestBuilder; 10] {
        let new = || ids::random().simple().to_string().repeat(20);
        let grpc =
            |request: RequestBuilder| request.header("content-type", "application/grpc").header("te", "trailers");
        let method = || {
            Method::from_bytes(format!("X{}", ids::random().simple()).as_bytes())
                .expect("letters and digits are a method")
        };
        let (http, http_url, other, grpc_url) = (&self.http, &self.http_url, &self.grpc, &self.grpc_url);
        [
            http.get(format!("{http_url}/known/{}", new())),
            http.get(format!("{http_url}/{}", new())),
            grpc(http.post(format!("{http_url}/{}", new()))),
            grpc(http.post(format!("{http_url}/known/{}", new()))),
            http.request(method(), format!("{http_url}/known/1")),
            grpc(other.post(format!("{grpc_url}/{}.v1.Service/{}", new(), new()))),
            grpc(other.post(format!("{grpc_url}/auth.v1.AuthService/{}", new()))),
            grpc(other.post(format!("{grpc_url}/user.v1.UserService/GetUser"))),
            other.request(method(), format!("{grpc_url}/auth.v1.AuthService/Whoami")),
            other.request(method(), format!("{grpc_url}/{}", new())),
        ]
    }
}

fn client() -> reqwest::ClientBuilder {
    http::client_builder().timeout(Duration::from_secs(10))
}

async fn serve_http() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
    let router = http::layers(Router::new().route("/known/{id}", get(|| async {})));
    tokio::spawn(http::serve(listener, router, Readiness::default(), CancellationToken::new()));
    url
}

fn series() -> BTreeSet<String> {
    let text = render_metrics();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

/// Returns the resident memory of this process in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has the status of this process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the status has the resident memory");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("it is a number") * 1024
}
