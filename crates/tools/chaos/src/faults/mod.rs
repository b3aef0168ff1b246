//! All faults, in the order in which a run injects them.

mod amplification;
mod background_traffic;
mod broker;
mod clock;
mod connection_flood;
mod consumers;
mod couriers;
mod crash_points;
mod database_access;
mod database_sessions;
mod disk;
mod external_links;
mod failing_builds;
mod frozen_relay;
mod full_partitions;
mod geo;
mod lending;
mod link_faults;
mod mad_producer;
mod postgres;
mod process_kills;
mod provider;
mod redelivery;
mod redis;
mod refused_topic;
mod rolling;
mod service_links;
pub mod storm;
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
        &service_links::FAULTS,
        &external_links::FAULTS,
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

/// Wraps the async function `$name` for [`Fault::inject`].
macro_rules! inject {
    ($name:ident) => {
        |experiment| Box::pin($name(experiment))
    };
}
use inject;
