//! The disturbances of a storm, and their targets.

use std::fmt;

use stand_ins::{Mode, TelegramMode};

use crate::cluster::Link;
use operations::registry::with_database;
use platform::server::service::Service;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Disturbance {
    /// Sends SIGKILL to a replica. The end of the disturbance starts it again.
    Kill(&'static Service, usize),
    Freeze(&'static Service, usize),
    /// Sends SIGTERM to a replica, as in a rolling update. The end of the disturbance starts it again.
    Roll(&'static Service, usize),
    /// Sets the clock of a replica wrong by an hour.
    Clock {
        service: &'static Service,
        number: usize,
        ahead: bool,
    },
    /// Makes all builds of a replica of assembly fail.
    AssemblyFails(usize),
    Cut(Link),
    Slow(Link),
    HalfOpen(Link),
    PostgresKilled,
    /// Makes all links to databases accept data without answering.
    PostgresHung,
    /// Terminates all connections to PostgreSQL, and occupies every slot.
    PostgresCrowded,
    DiskFull,
    RedisKilled,
    RedisEmptied,
    BrokerKilled,
    BrokerHung,
    Provider(Mode),
    Telegram(TelegramMode),
    Poison,
    /// Publishes the latest events again.
    EventsAgain,
}

/// The target of a disturbance. Two disturbances with the same target would interfere.
#[derive(PartialEq)]
enum Target {
    Replica(&'static Service, usize),
    Link(Link),
    Postgres,
    Redis,
    Broker,
    Provider,
    Telegram,
}

impl Disturbance {
    /// Returns true if the disturbances share a target.
    pub fn meets(&self, other: &Self) -> bool {
        let others = other.targets();
        self.targets().iter().any(|target| others.contains(target))
    }

    fn targets(&self) -> Vec<Target> {
        match *self {
            Self::Kill(service, number)
            | Self::Freeze(service, number)
            | Self::Roll(service, number)
            | Self::Clock { service, number, .. } => vec![Target::Replica(service, number)],
            Self::AssemblyFails(number) => vec![Target::Replica(&assembly::SERVICE, number)],
            Self::Cut(link) | Self::Slow(link) | Self::HalfOpen(link) => vec![Target::Link(link)],
            Self::PostgresKilled | Self::PostgresCrowded | Self::DiskFull => vec![Target::Postgres],
            Self::PostgresHung => {
                let links = with_database().map(|service| Target::Link(Link::Database(service)));
                links.chain([Target::Postgres]).collect()
            }
            Self::RedisKilled | Self::RedisEmptied => vec![Target::Redis],
            // Publishing needs the broker and the link to it.
            Self::BrokerKilled | Self::BrokerHung | Self::Poison | Self::EventsAgain => {
                vec![Target::Broker, Target::Link(Link::Kafka)]
            }
            Self::Provider(_) => vec![Target::Provider],
            Self::Telegram(_) => vec![Target::Telegram],
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(service, number) => write!(f, "{service} {number} killed"),
            Self::Freeze(service, number) => write!(f, "{service} {number} frozen"),
            Self::Roll(service, number) => write!(f, "{service} {number} replaced"),
            Self::Clock { service, number, ahead } => {
                write!(f, "{service} {number} an hour {}", if *ahead { "ahead" } else { "behind" })
            }
            Self::AssemblyFails(number) => write!(f, "{} {number} can build nothing", &assembly::SERVICE),
            Self::Cut(link) => write!(f, "{link} cut"),
            Self::Slow(link) => write!(f, "{link} slow"),
            Self::HalfOpen(link) => write!(f, "{link} half open"),
            Self::PostgresKilled => f.write_str("PostgreSQL killed"),
            Self::PostgresHung => f.write_str("PostgreSQL hung"),
            Self::PostgresCrowded => f.write_str("PostgreSQL without connections"),
            Self::DiskFull => f.write_str("PostgreSQL without disk"),
            Self::RedisKilled => f.write_str("Redis killed"),
            Self::RedisEmptied => f.write_str("Redis killed and emptied"),
            Self::BrokerKilled => f.write_str("Kafka killed"),
            Self::BrokerHung => f.write_str("Kafka hung"),
            Self::Provider(mode) => write!(f, "provider: {mode:?}"),
            Self::Telegram(mode) => write!(f, "Telegram: {mode:?}"),
            Self::Poison => f.write_str("poison in every topic"),
            Self::EventsAgain => f.write_str("the latest events again"),
        }
    }
}
