//! Every fault there is, in the order of the project's list.

mod broker;
mod building;
mod chats;
mod clock;
mod consumers;
mod deaths;
mod delivery;
mod disk;
mod kills;
mod network;
mod postgres;
mod provider;
mod redis;
mod rolling;
mod storm;

use super::fault::Fault;

/// All of them.
pub fn all() -> Vec<Fault> {
    [
        &kills::FAULTS[..],
        &deaths::FAULTS,
        &broker::FAULTS,
        &postgres::FAULTS,
        &redis::FAULTS,
        &network::FAULTS,
        &provider::FAULTS,
        &building::FAULTS,
        &delivery::FAULTS,
        &consumers::FAULTS,
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
