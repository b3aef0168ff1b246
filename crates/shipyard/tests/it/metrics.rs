//! A running shop exports exactly the catalogue of metrics, from the start: `increase()` ignores the first value of a
//! series.

use std::collections::{BTreeMap, BTreeSet};

use operations::registry::SERVICES;
use platform::telemetry::metric::{Kind, METRICS, Metric};
use testkit::eventually;

use crate::one_process::Shop;

/// The metrics of every service, and those of each.
fn catalogue() -> BTreeMap<&'static str, Metric> {
    let own = SERVICES.iter().flat_map(|service| service.metrics);
    METRICS.iter().chain(own).map(|metric| (metric.name, *metric)).collect()
}

/// Returns true for a metric that need not exist from the start: its series are known only later, and its rate is not
/// used.
fn is_late(metric: &Metric) -> bool {
    // In one process, no peer's name is looked up, Redis has no limit, and there is no certificate.
    let names = ["peer_replicas", "redis_memory_used_ratio", "tls_certificate_expires_seconds"];
    metric.kind == Kind::Histogram || names.contains(&metric.name)
}

/// A metric in Prometheus' text format.
#[derive(Debug, Default, PartialEq)]
struct Exported {
    kind: String,
    has_help: bool,
    labels: BTreeSet<String>,
}

fn parse(text: &str) -> BTreeMap<String, Exported> {
    let mut all: BTreeMap<String, Exported> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some((name, _)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            all.entry(name.to_owned()).or_default().has_help = true;
        } else if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            name.clone_into(&mut current);
            kind.clone_into(&mut all.entry(name.to_owned()).or_default().kind);
        } else if let Some((_, labels)) = line.split_once('{') {
            // No value of a label contains `="`.
            let names = labels.split("=\"").filter_map(|before| before.rsplit(['{', ',', '"']).next());
            let names = names.filter(|name| !name.is_empty() && *name != "le" && !name.starts_with('}'));
            all.entry(current.clone()).or_default().labels.extend(names.map(str::to_owned));
        }
    }
    all
}

#[tokio::test]
async fn a_shop_exports_the_metrics_of_the_catalogue_and_no_others_from_the_start() {
    let shop = Shop::new();
    let mut program = shop.start().await;
    let catalogue = catalogue();
    // Jobs that run every few seconds set the gauges.
    let exported = eventually(async || {
        let exported = parse(&shop.metrics().await);
        let there = |metric: &Metric| exported.contains_key(metric.name) || is_late(metric);
        let missing: Vec<_> = catalogue.values().filter(|metric| !there(metric)).collect();
        missing.is_empty().then_some(exported)
    })
    .await;
    let text = shop.metrics().await;
    program.kill().await;

    // One endpoint of each HTTP API: those of order, delivery, intake and console.
    for (method, route, status) in [
        ("POST", "/api/v1/orders", 503),
        ("POST", "/api/v1/couriers", 201),
        ("GET", "/orders/{id}", 404),
        ("POST", "/console/api/orders", 503),
    ] {
        let series = format!(r#"http_requests_total{{method="{method}",route="{route}",status="{status}"}} 0"#);
        assert!(text.lines().any(|line| line == series), "{series}: {text}");
    }

    for (name, Exported { kind, has_help, labels }) in exported {
        let metric = catalogue.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the catalogue"));
        assert_eq!(kind, metric.kind.as_str(), "{name}");
        assert!(has_help, "{name}");
        let known: BTreeSet<_> = metric.labels.iter().map(|&label| label.to_owned()).collect();
        assert!(labels.is_empty() || labels == known, "{name} has the labels {labels:?}, not {known:?}");
    }
}
