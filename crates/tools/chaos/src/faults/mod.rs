//! All faults, in the order in which a run injects them.

mod amplification;
mod background_traffic;
pub(crate) mod connection_flood;
mod crash_points;
mod database_access;
mod database_sessions;
mod disturbance;
mod failing_builds;
mod full_partitions;
mod geo;
mod inbound;
mod leases;
mod lending;
mod links;
mod outside;
mod processes;
mod redelivery;
mod redis;
mod refused_topic;
mod stores;
mod storm;
mod unroutable;

use std::time::Duration;

use drive::customers::Counters;
use tokio::time::sleep;

use super::experiment::{Experiment, Fault};

/// After this time, everything that was in flight when a fault began has arrived.
const IN_FLIGHT_TIME: Duration = Duration::from_secs(1);
/// After this time, every request that the fault affected has been answered or has timed out.
const ANSWERED_AFTER: Duration = Duration::from_secs(3);

/// A fault that waits for a charge fails without one in this time, in which the visitor of a playground pays.
const CHARGE_TIMEOUT: Duration = Duration::from_mins(1);

/// Returns all faults by their numbers, and those with the same number in the order of these files.
pub fn all() -> Vec<Fault> {
    let mut all = [
        &processes::FAULTS[..],
        &crash_points::FAULTS,
        &stores::FAULTS,
        &refused_topic::FAULTS,
        &database_access::FAULTS,
        &database_sessions::FAULTS,
        &redis::FAULTS,
        &links::FAULTS,
        &outside::FAULTS,
        &failing_builds::FAULTS,
        &geo::FAULTS,
        &lending::FAULTS,
        &redelivery::FAULTS,
        &inbound::FAULTS,
        &full_partitions::FAULTS,
        &leases::FAULTS,
        &unroutable::FAULTS,
        &storm::FAULTS,
    ]
    .concat();
    all.sort_by_key(|fault| fault.number);
    all
}

/// Waits until the requests in flight are answered. Returns the counters of all requests since `before`.
async fn answered_since(experiment: &Experiment, before: &Counters) -> Counters {
    sleep(ANSWERED_AFTER).await;
    experiment.load.counters().since(before)
}

/// Wraps a call of the async function `$name` for [`Fault::inject`], with any arguments that follow it.
macro_rules! inject {
    ($name:ident) => {
        |experiment| Box::pin($name(experiment))
    };
    ($name:ident($($argument:expr),+ $(,)?)) => {
        |experiment| Box::pin($name(experiment, $($argument),+))
    };
}
use inject;

#[cfg(test)]
mod tests {
    use std::{fmt::Write as _, fs, path::Path};

    use super::*;

    const HEAD: &str = "\
<!-- Rendered by `UPDATE_FAULTS=1 cargo test -p chaos` from crates/tools/chaos/src/faults/ -->
# Faults

What [chaos](proven.md#chaos) injects, in this order. `storm` is planned from the seed.

| fault | what | what must hold, too |
|---|---|---|
";

    /// `UPDATE_FAULTS=1` writes the page.
    #[test]
    fn the_page_of_faults_has_every_fault() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/faults.md");
        let expected = all().iter().fold(HEAD.to_owned(), |mut page, fault| {
            let holds = if fault.holds.is_empty() { String::new() } else { format!("{} ", fault.holds) };
            let _ = writeln!(page, "| `{}` | {fault} | {holds}|", fault.name);
            page
        });

        if std::env::var_os("UPDATE_FAULTS").is_some() {
            fs::write(&path, expected).unwrap();
        } else {
            assert!(
                fs::read_to_string(&path).unwrap() == expected,
                "docs/faults.md differs from the faults; UPDATE_FAULTS=1 cargo test -p chaos writes it"
            );
        }
    }
}
