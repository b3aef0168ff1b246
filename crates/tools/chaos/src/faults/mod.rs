//! Every fault there is, in the order of the project's list.

mod amplification;
mod background_traffic;
mod broker;
mod clock;
mod connection_flood;
mod consumers;
mod crash_points;
mod database_access;
mod disk;
mod failing_builds;
mod frozen_relay;
mod full_partitions;
mod link_faults;
mod network;
mod postgres;
mod process_kills;
mod provider;
mod redelivery;
mod redis;
mod rolling;
mod servers;
pub mod storm;
mod telegram;
mod unroutable;

use std::time::Duration;

use super::experiment::Fault;

/// By then whoever asked while something was wrong has his answer, or waits for it in vain.
const IN_HAND: Duration = Duration::from_secs(3);

/// All of them.
pub fn all() -> Vec<Fault> {
    [
        &process_kills::FAULTS[..],
        &crash_points::FAULTS,
        &broker::FAULTS,
        &postgres::FAULTS,
        &database_access::FAULTS,
        &redis::FAULTS,
        &network::FAULTS,
        &servers::FAULTS,
        &provider::FAULTS,
        &failing_builds::FAULTS,
        &redelivery::FAULTS,
        &consumers::FAULTS,
        &full_partitions::FAULTS,
        &frozen_relay::FAULTS,
        &unroutable::FAULTS,
        &telegram::FAULTS,
        &rolling::FAULTS,
        &clock::FAULTS,
        &disk::FAULTS,
        &storm::FAULTS,
    ]
    .concat()
}

/// `$name`, a function of a experiment, as [`Fault::inject`] wants it.
macro_rules! inject {
    ($name:ident) => {
        |experiment| Box::pin($name(experiment))
    };
}
use inject;
