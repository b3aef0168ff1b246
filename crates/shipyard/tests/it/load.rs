//! `shipyard load` against the whole shop in one process: every kind of traffic, an audit, the peak, and failures.

use serde_json::Value;
use tokio::process::Command;

use crate::{one_process::Shop, program::shipyard};

const EVERY_KIND: &str = "create=3,pay=2,cancel=1,get=3,list=2,whoami=2,parts=2,whole=2";

/// Runs `load` against the shop. Returns whether it succeeded, its standard output and its standard error.
async fn load(shop: &Shop, arguments: &[&str]) -> (bool, String, String) {
    let command = shipyard(&[&["load"], arguments].concat(), shop.variables(), shop.directory());
    let output = Command::from(command).kill_on_drop(true).output().await.unwrap();
    let [said, complaint] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.success(), said, complaint)
}

#[tokio::test]
async fn a_running_shop_is_measured_and_audited() {
    // Two users order all that there is.
    let shop = Shop::new().with("INVENTORY_RESERVATION_MAX_SHARE", "0");
    let _program = shop.start().await;

    every_kind_of_traffic_succeeds(&shop).await;
    the_peak_is_above_what_was_tried(&shop).await;
    too_many_failures_fail_the_run(&shop).await;
}

async fn every_kind_of_traffic_succeeds(shop: &Shop) {
    let traffic = ["--rate", "10", "--duration", "5s", "--warm-up", "1s", "--users", "4", "--mix", EVERY_KIND];
    // Other tests share the machine, so that a few requests may time out.
    let rest = ["--seed", "7", "--timeout", "30s", "--max-errors", "30", "--audit", "--json"];
    let (success, said, complaint) = load(shop, &[&traffic[..], &rest].concat()).await;

    let report: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{complaint}"));
    assert!(success, "{complaint}\n{report:#}");
    assert_eq!(report["all"]["operations"], 50, "{report:#}");
    let kinds = report["kinds"].as_object().unwrap();
    assert_eq!(kinds.len(), EVERY_KIND.split(',').count());
    for (kind, row) in kinds {
        assert!(row["latency"]["max"].is_number(), "none of {kind} succeeded: {row:#}");
        assert!(row["latency"]["p999"].is_null(), "{kind} has fewer than 1 000 samples: {row:#}");
    }
    let built = report["kinds"]["whole"]["latency"]["max"].as_f64().unwrap();
    assert!(built >= 3000.0, "a ship takes three seconds to be built: {built} ms");
    assert!(report["cpu_microseconds_per_operation"].is_number(), "{report:#}");
    assert_eq!((&report["seed"], &report["mix"]), (&7.into(), &EVERY_KIND.into()));
    assert!(report["audit"]["under_way"].as_array().unwrap().is_empty(), "{report:#}");
}

async fn the_peak_is_above_what_was_tried(shop: &Shop) {
    let traffic = ["--rate", "50", "--highest-rate", "75", "--duration", "2s", "--warm-up", "200ms", "--users", "2"];
    let bounds = ["--find-peak", "--mix", "whoami=1,list=1", "--p99", "30s", "--follows", "20", "--max-errors", "50"];
    let (success, said, complaint) = load(shop, &[&traffic[..], &bounds].concat()).await;

    assert!(success, "{complaint}\n{said}");
    let rates: Vec<&str> = said.lines().filter(|line| line.ends_with("holds")).collect();
    assert_eq!(rates.len(), 2, "{said}");
    assert!(said.contains("the peak is above 75/s"), "{said}");
}

async fn too_many_failures_fail_the_run(shop: &Shop) {
    // The only kind of part is sold out after at most a hundred orders.
    let traffic = ["--rate", "60", "--duration", "5s", "--warm-up", "0s", "--users", "2", "--mix", "create=1"];
    let sold_out = ["--parts", "1", "--parts-per-order", "1", "--no-restock", "--timeout", "30s"];
    let (success, said, complaint) = load(shop, &[&traffic[..], &sold_out].concat()).await;

    assert!(!success && complaint.contains("operations failed"), "{said}\n{complaint}");
    assert!(said.contains("× 409 OUT_OF_STOCK") && said.contains("restock"), "{said}");
    let (success, said, complaint) = load(shop, &[&traffic[..], &sold_out, &["--max-errors", "100"]].concat()).await;
    assert!(success && said.contains("× 409 OUT_OF_STOCK"), "{said}\n{complaint}");
}
