//! The export of traces and log records: a collector that is unavailable, hangs or is slow affects no request, and a
//! service that stops exports its remaining data.

use std::time::Duration;

use contracts::proto::geo::{GetGeolocationRequest, geo_client::GeoClient};
use drive::load::{Crowd, Options, Plan};
use operations::registry::SERVICES;
use rustix::process::Signal;
use stand_ins::Proxy;
use testkit::eventually;
use tokio::process::Command;
use tonic::transport::Endpoint;

use crate::{
    collector::Collector,
    one_process::Shop,
    program::{Program, Variables, shipyard},
    system::{free_address, listeners},
};

/// A collector behind a network that can fail.
async fn far_collector() -> (Collector, Proxy) {
    let collector = Collector::start().await;
    let network = Proxy::to(collector.address()).await.unwrap();
    (collector, network)
}

/// Sends orders to the shop for some seconds. No request may fail.
async fn load(shop: &Shop, seconds: u64, what: &str) {
    let restock = shipyard(&["restock", "--quantity", "1000"], shop.variables(), shop.directory());
    assert!(Command::from(restock).kill_on_drop(true).output().await.unwrap().status.success());
    let options = Options { addresses: shop.addresses(), users: 8, connections: 64, kinds_of_parts: None };
    let crowd = Crowd::gather(&options).await.unwrap();
    // Each request counts, and may take long, since other tests share the machine.
    let plan = Plan {
        rate: 30,
        mix: "create=2,pay=2,get=1".parse().unwrap(),
        warm_up: Duration::ZERO,
        length: Duration::from_secs(seconds),
        timeout: Duration::from_secs(30),
        parts_per_order: 2,
        seed: 7,
    };
    let report = crowd.measure(&plan).await.unwrap();
    assert_eq!(report.figures.all.tally.failed, 0, "{what}: {report}");
}

/// The number of spans dropped so far.
async fn dropped(shop: &Shop) -> u64 {
    let metrics = shop.metrics().await;
    let value = metrics.lines().find_map(|line| line.strip_prefix("telemetry_dropped_total{signal=\"traces\"} "));
    value.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_collector_that_is_away_hangs_or_is_slow_fails_no_request() {
    let (collector, network) = far_collector().await;
    let endpoint = format!("http://{}", network.address());
    let shop = Shop::new().with("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint).with("LOG_LEVEL", "info");
    let mut program = shop.start().await;

    load(&shop, 2, "a collector that answers").await;
    network.delay(Duration::from_secs(2));
    load(&shop, 4, "a slow collector").await;
    network.hang();
    let before = dropped(&shop).await;
    while dropped(&shop).await == before {
        load(&shop, 4, "a collector that hangs").await;
    }
    network.cut();
    let before = dropped(&shop).await;
    load(&shop, 2, "a collector that is away").await;
    eventually(async || (dropped(&shop).await > before).then_some(())).await;

    let before = collector.spans().await.len();
    network.restore();
    eventually(async || {
        load(&shop, 1, "a collector that is back").await;
        (collector.spans().await.len() > before).then_some(())
    })
    .await;
    program.signal(Signal::INT);
    assert!(program.ended().await.success(), "{}", shop.log());
    // A failure has one line, however many exports fail. A slow collector may fail several times.
    let log = shop.log();
    assert!((1..=4).contains(&log.matches("collector unavailable").count()), "{log}");
}

/// Starts geo with one worker thread, which exports to `endpoint`, and calls it once.
async fn called_geo(endpoint: &str, directory: &std::path::Path) -> Program {
    let geo = SERVICES.into_iter().find(|service| service.name == "geo").unwrap();
    let mut variables: Variables = listeners(geo);
    let address = variables[0].1.clone();
    variables.extend(
        [
            ("GEO_ADMIN_LISTEN", free_address().to_string().as_str()),
            ("SERVICE_KEY", testkit::SERVICE_KEY),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
            ("LOG_OUTPUTS", "stdout,otlp"),
            ("TOKIO_WORKER_THREADS", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let program = Program::start(shipyard(&["run", "geo"], &variables, directory), &directory.join("log"));
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let request = || GetGeolocationRequest { street: "Main Street".to_owned() };
    eventually(async || GeoClient::new(channel.clone()).get_geolocation(request()).await.ok()).await;
    program
}

#[tokio::test]
async fn a_stop_exports_what_waits_with_one_worker() {
    let collector = Collector::start().await;
    let directory = tempfile::tempdir().unwrap();
    let mut program = called_geo(&collector.url(), directory.path()).await;

    program.signal(Signal::TERM);

    assert!(program.ended().await.success());
    let (spans, lines) = (collector.spans().await, collector.lines().await);
    assert!(spans.iter().any(|span| span.name == "geo.Geo/GetGeolocation"), "{spans:?}");
    assert!(lines.iter().any(|line| line.text == "stopping"), "{lines:?}");
}

#[tokio::test]
async fn a_stop_ends_with_one_worker_while_the_collector_hangs() {
    let (collector, network) = far_collector().await;
    network.hang();
    let directory = tempfile::tempdir().unwrap();
    let mut program = called_geo(&format!("http://{}", network.address()), directory.path()).await;

    program.signal(Signal::TERM);

    assert!(program.ended().await.success());
    assert!(collector.spans().await.is_empty());
}
