//! Every fault there is, in the order of the project's list.

mod access;
mod asked;
mod broker;
mod building;
mod chats;
mod clock;
mod consumers;
mod crowd;
mod deaths;
mod delivery;
mod disk;
mod full_partitions;
mod kills;
mod links;
mod network;
mod postgres;
mod provider;
mod redis;
mod relays;
mod rolling;
mod servers;
pub mod storm;
mod unroutable;
mod visitors;

use std::time::Duration;

use super::fault::Fault;

/// By then whoever asked while something was wrong has his answer, or waits for it in vain.
const IN_HAND: Duration = Duration::from_secs(3);

/// All of them.
pub fn all() -> Vec<Fault> {
    [
        &kills::FAULTS[..],
        &deaths::FAULTS,
        &broker::FAULTS,
        &postgres::FAULTS,
        &access::FAULTS,
        &redis::FAULTS,
        &network::FAULTS,
        &servers::FAULTS,
        &provider::FAULTS,
        &building::FAULTS,
        &delivery::FAULTS,
        &consumers::FAULTS,
        &full_partitions::FAULTS,
        &relays::FAULTS,
        &unroutable::FAULTS,
        &chats::FAULTS,
        &rolling::FAULTS,
        &clock::FAULTS,
        &disk::FAULTS,
        &storm::FAULTS,
    ]
    .concat()
}

/// `$name`, a function of a stage, as [`Fault::inject`] wants it.
macro_rules! inject {
    ($name:ident) => {
        |stage| Box::pin($name(stage))
    };
}
use inject;
