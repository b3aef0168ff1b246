//! All faults, in the order in which a run injects them.

mod amplification;
mod background_traffic;
mod broker;
mod clock;
pub(crate) mod connection_flood;
mod consumers;
mod couriers;
mod crash_points;
mod database_access;
mod database_sessions;
mod disk;
mod disturbance;
mod failing_builds;
mod frozen_relay;
mod full_partitions;
mod geo;
mod lending;
mod link_faults;
mod links;
mod mad_producer;
mod postgres;
mod process_kills;
mod provider;
mod redelivery;
mod redis;
mod refused_topic;
mod rolling;
mod storm;
mod telegram;
mod unreadable_batch;
mod unroutable;

use std::time::Duration;

use super::experiment::Fault;

/// After this time, every request that the fault affected has been answered or has timed out.
const ANSWERED_AFTER: Duration = Duration::from_secs(3);

pub fn all() -> Vec<Fault> {
    [
        &process_kills::FAULTS[..],
        &crash_points::FAULTS,
        &broker::FAULTS,
        &refused_topic::FAULTS,
        &postgres::FAULTS,
        &database_access::FAULTS,
        &database_sessions::FAULTS,
        &redis::FAULTS,
        &links::FAULTS,
        &provider::FAULTS,
        &failing_builds::FAULTS,
        &geo::FAULTS,
        &lending::FAULTS,
        &redelivery::FAULTS,
        &mad_producer::FAULTS,
        &unreadable_batch::FAULTS,
        &consumers::FAULTS,
        &full_partitions::FAULTS,
        &frozen_relay::FAULTS,
        &couriers::FAULTS,
        &unroutable::FAULTS,
        &telegram::FAULTS,
        &rolling::FAULTS,
        &clock::FAULTS,
        &disk::FAULTS,
        &storm::FAULTS,
    ]
    .concat()
}

/// Wraps a call of the async function `$name` for [`Fault::inject`], with the arguments that the row has.
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
    use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

    use super::*;

    #[test]
    fn faults_have_names_of_their_own() {
        let all = all();
        let names: BTreeSet<_> = all.iter().map(|fault| fault.name).collect();

        assert_eq!(names.len(), all.len());
    }

    /// `UPDATE_FAULTS=1` writes the table.
    #[test]
    fn the_page_of_the_laboratory_has_every_fault() {
        const ROW: &str = "| `";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/lab.md");
        let page = fs::read_to_string(&path).unwrap();
        let (before, rest) = page.split_once("### The faults").unwrap();
        let (section, after) = rest.split_once("\n### ").unwrap();
        let (head, _) = section.split_once(ROW).unwrap();
        let (_, tail) = section.rsplit_once("|\n").unwrap();
        let rows = all().iter().fold(String::new(), |mut rows, fault| {
            let holds = if fault.holds.is_empty() { String::new() } else { format!("{} ", fault.holds) };
            let _ = writeln!(rows, "{ROW}{}` | {fault} | {holds}|", fault.name);
            rows
        });
        let expected = format!("{before}### The faults{head}{rows}{tail}\n### {after}");

        if std::env::var_os("UPDATE_FAULTS").is_some() {
            fs::write(&path, expected).unwrap();
        } else {
            assert!(
                page == expected,
                "docs/lab.md differs from the faults; UPDATE_FAULTS=1 cargo test -p chaos writes it"
            );
        }
    }
}
