//! The load generator against the whole shop in one process: every kind of traffic, an audit, the peak, and failures.

use std::time::Duration;

use drive::load::{Bounds, Crowd, Kind, Options, Plan, find_peak};
use serde_json::Value;
use tokio::process::Command;

use crate::{one_process::Shop, program::shipyard};

const EVERY_KIND: &str = "create=3,pay=2,cancel=1,get=3,list=2,whoami=2,parts=2,whole=2";

pub async fn crowd(shop: &Shop, users: usize, kinds_of_parts: Option<usize>) -> Crowd {
    let options = Options { addresses: shop.addresses(), users, connections: 64, kinds_of_parts };
    Crowd::gather(&options, |_| {}).await.unwrap()
}

/// Other tests share the machine, so that a request may take long.
pub fn plan(mix: &str, rate: u32, length: Duration, parts_per_order: usize) -> Plan {
    let (warm_up, timeout) = (Duration::from_secs(1), Duration::from_secs(30));
    Plan { rate, mix: mix.parse().unwrap(), warm_up, length, timeout, parts_per_order, seed: 7, ..Plan::default() }
}

#[tokio::test]
async fn a_running_shop_is_measured_and_audited() {
    // Two users order all that there is.
    let shop = Shop::new().with("INVENTORY_RESERVATION_MAX_SHARE", "0");
    let _program = shop.start().await;

    every_kind_of_traffic_succeeds(&shop).await;
    the_audit_holds(&shop).await;
    the_peak_is_above_what_was_tried(&shop).await;
    sold_out_parts_are_failures_with_their_reason(&shop).await;
}

async fn every_kind_of_traffic_succeeds(shop: &Shop) {
    let crowd = crowd(shop, 4, None).await;
    let report = crowd.measure(&plan(EVERY_KIND, 10, Duration::from_secs(5), 2), |_| {}).await.unwrap();
    let unpaid = crowd.tidy(|_| {}).await;

    // A few requests may time out.
    assert_eq!((report.failure(0.3), report.figures.all.operations, unpaid), (None, 50, 0), "{report}");
    assert_eq!(report.figures.kinds.len(), EVERY_KIND.split(',').count());
    for (kind, row) in &report.figures.kinds {
        assert!(row.latency.max.is_some(), "none of {kind:?} succeeded: {row:?}");
        assert!(row.latency.p999.is_none(), "{kind:?} has fewer than 1 000 samples: {row:?}");
    }
    let built = report.figures.kinds[&Kind::Whole].latency.max.unwrap();
    assert!(built >= 3000.0, "a ship takes three seconds to be built: {built} ms");
    assert!(report.cpu_microseconds_per_operation.is_some(), "{report}");
    assert_eq!((report.seed, report.mix), (7, EVERY_KIND.parse().unwrap()));
}

async fn the_audit_holds(shop: &Shop) {
    let audit = shipyard(&["audit", "--wait", "5m", "--json"], shop.variables(), shop.directory());
    let output = Command::from(audit).kill_on_drop(true).output().await.unwrap();

    let complaint = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{complaint}"));
    assert!(output.status.success(), "{complaint}\n{report:#}");
    assert!(report["under_way"].as_array().unwrap().is_empty(), "{report:#}");
}

async fn the_peak_is_above_what_was_tried(shop: &Shop) {
    let crowd = crowd(shop, 2, None).await;
    let plan = plan("whoami=1,list=1", 50, Duration::from_secs(2), 2);
    let bounds = Bounds { from: 50, to: 75, growth: 1.5, follows: 0.2, p99: Duration::from_secs(30), errors: 0.5 };
    let mut rates = Vec::new();

    let measure = async |rate| crowd.measure(&plan.at(rate), |_| {}).await;
    let peak = find_peak(&bounds, measure, |step| rates.push(step.to_string())).await.unwrap();

    assert_eq!(rates.iter().filter(|rate| rate.ends_with("holds")).count(), 2, "{rates:?}");
    assert!(peak.to_string().contains("the peak is above 75/s"), "{peak}");
}

async fn sold_out_parts_are_failures_with_their_reason(shop: &Shop) {
    // The only kind of part is sold out after at most a hundred orders.
    let crowd = crowd(shop, 2, Some(1)).await;
    let report = crowd.measure(&plan("create=1", 60, Duration::from_secs(5), 1), |_| {}).await.unwrap();

    assert!(report.failure(0.01).is_some_and(|failure| failure.contains("operations failed")), "{report}");
    assert_eq!(report.failure(1.0), None);
    let said = report.to_string();
    assert!(said.contains("× 409 OUT_OF_STOCK") && said.contains("restock"), "{said}");
}
