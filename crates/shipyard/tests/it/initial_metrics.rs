//! Metrics are initialised to 0 at start: a rate does not see the first value of a series.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use crate::one_process::Shop;

#[tokio::test]
async fn every_counter_of_the_source_is_there_with_0_from_the_start() {
    let shop = Shop::new();
    let mut program = shop.start().await;
    let mut counters = BTreeSet::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for folder in files(crates).iter().flat_map(|shelf| [files(shelf), vec![shelf.clone()]].concat()) {
        counters_below(&folder.join("src"), &mut counters);
    }
    assert!(counters.contains("orders_total"), "{counters:?}");

    let metrics = shop.metrics().await;
    program.kill().await;

    let has = |name: &String| metrics.lines().any(|line| line.split(['{', ' ']).next() == Some(name));
    let missing: Vec<_> = counters.iter().filter(|name| !has(name)).collect();
    assert!(
        missing.is_empty(),
        "{missing:?} are not among the metrics of a shop that has just been started:\n{metrics}"
    );
}

/// Collects the names in `counter!("name", …)` of every file below a directory.
fn counters_below(directory: &Path, counters: &mut BTreeSet<String>) {
    for path in files(directory) {
        if path.is_dir() {
            counters_below(&path, counters);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            let names = source.split("counter!(\"").skip(1).filter_map(|rest| rest.split_once('"'));
            counters.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}
