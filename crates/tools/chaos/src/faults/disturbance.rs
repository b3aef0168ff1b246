//! Disturbances of one part of the system for a while, of which faults and storms consist.

use std::{fmt, time::Duration};

use operations::registry::with_database;
use stand_ins::{Mode, TelegramMode};

use super::connection_flood::ConnectionFlood;
use crate::{
    cluster::{Cluster, Link},
    poison, topics,
};
use platform::server::service::Service;

const ADDED_LATENCY: Duration = Duration::from_millis(200);
/// The number of each partition's last records that are published again.
const REPUBLISHED_RECORDS: i64 = 5;

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
    /// Makes all links to databases accept data and not respond.
    PostgresHung,
    /// Terminates all connections to PostgreSQL, and occupies every slot.
    PostgresCrowded,
    DiskFull,
    RedisKilled,
    RedisEmptied,
    BrokerStopped,
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
    /// Begins the disturbance. It lasts until [`end`](Self::end).
    pub async fn begin(self, cluster: &mut Cluster) -> anyhow::Result<()> {
        match self {
            Self::Kill(service, number) => cluster.replicas.get(service, number)?.kill().await,
            Self::Freeze(service, number) => cluster.replicas.get(service, number)?.freeze(),
            Self::Roll(service, number) => cluster.replicas.get(service, number)?.terminate().await,
            Self::Clock { service, number, ahead } => {
                let offset = if ahead { "1h" } else { "-1h" };
                cluster.replicas.restart(service, number, &[("CLOCK_OFFSET", offset)]).await?;
            }
            Self::AssemblyFails(number) => {
                cluster.replicas.restart(&assembly::SERVICE, number, &[("ASSEMBLY_FAILURE_RATE", "1")]).await?;
            }
            Self::Cut(Link::Kafka) => cluster.servers.broker.cut(cluster.links.get(Link::Kafka)?)?,
            Self::Cut(link) => cluster.links.get(link)?.cut(),
            Self::Slow(link) => cluster.links.get(link)?.delay(ADDED_LATENCY),
            Self::HalfOpen(link) => cluster.links.get(link)?.mute(),
            Self::PostgresKilled => cluster.servers.kill_postgres().await?,
            Self::PostgresHung => {
                for service in with_database() {
                    cluster.links.get(Link::Database(service))?.hang();
                }
            }
            Self::PostgresCrowded => {
                cluster.servers.flood = Some(ConnectionFlood::fill(&cluster.servers.postgres_url).await?);
            }
            Self::DiskFull => {
                if let Ok(disk) = &cluster.servers.disk {
                    disk.fill()?;
                }
            }
            Self::RedisKilled => cluster.servers.kill_redis().await?,
            Self::RedisEmptied => {
                cluster.servers.kill_redis().await?;
                cluster.servers.empty_redis().await?;
            }
            Self::BrokerStopped => cluster.servers.broker.real().map_err(anyhow::Error::msg)?.stop().await?,
            Self::BrokerKilled => cluster.servers.broker.real().map_err(anyhow::Error::msg)?.kill().await?,
            Self::BrokerHung => cluster.servers.broker.real().map_err(anyhow::Error::msg)?.pause().await?,
            Self::Provider(mode) => cluster.provider.be(mode),
            Self::Telegram(mode) => cluster.telegram.be(mode),
            Self::Poison => {
                poison::send(cluster).await?;
            }
            Self::EventsAgain => events_again(cluster).await?,
        }
        Ok(())
    }

    pub async fn end(self, cluster: &mut Cluster) -> anyhow::Result<()> {
        match self {
            Self::Kill(service, number) | Self::Roll(service, number) => {
                cluster.replicas.get(service, number)?.start(&[])?;
            }
            Self::Freeze(service, number) => cluster.replicas.get(service, number)?.thaw(),
            Self::Clock { service, number, .. } => cluster.replicas.restart(service, number, &[]).await?,
            Self::AssemblyFails(number) => cluster.replicas.restart(&assembly::SERVICE, number, &[]).await?,
            Self::Cut(Link::Kafka) => cluster.servers.broker.restore(cluster.links.get(Link::Kafka)?)?,
            Self::Cut(link) | Self::Slow(link) | Self::HalfOpen(link) => {
                cluster.links.get(link)?.restore();
            }
            Self::PostgresKilled => cluster.servers.start_postgres().await?,
            Self::PostgresHung => {
                for service in with_database() {
                    cluster.links.get(Link::Database(service))?.restore();
                }
            }
            Self::PostgresCrowded => {
                if let Some(flood) = cluster.servers.flood.take() {
                    flood.release().await;
                }
            }
            Self::DiskFull => {
                if let Ok(disk) = &cluster.servers.disk {
                    disk.free()?;
                }
                // PostgreSQL exits if it cannot write its log.
                cluster.servers.start_postgres().await?;
            }
            Self::RedisKilled | Self::RedisEmptied => cluster.servers.start_redis().await?,
            Self::BrokerStopped | Self::BrokerKilled => {
                cluster.servers.broker.real().map_err(anyhow::Error::msg)?.restart().await?;
            }
            Self::BrokerHung => cluster.servers.broker.real().map_err(anyhow::Error::msg)?.unpause().await?,
            Self::Provider(_) => cluster.provider.be(Mode::Well),
            Self::Telegram(_) => cluster.telegram.be(TelegramMode::Well),
            Self::Poison | Self::EventsAgain => {}
        }
        Ok(())
    }

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
            Self::BrokerStopped | Self::BrokerKilled | Self::BrokerHung | Self::Poison | Self::EventsAgain => {
                vec![Target::Broker, Target::Link(Link::Kafka)]
            }
            Self::Provider(_) => vec![Target::Provider],
            Self::Telegram(_) => vec![Target::Telegram],
        }
    }
}

async fn events_again(cluster: &Cluster) -> anyhow::Result<()> {
    let topics = topics::all(cluster).await?;
    let latest = topics.into_iter().map(|topic| topic.from(|extent| extent.end - REPUBLISHED_RECORDS)).collect();
    let events = topics::read(cluster, latest, |_, message, _| topics::again(message)).await?;
    topics::publish(cluster, events).await
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
            Self::BrokerStopped => f.write_str("Kafka stopped"),
            Self::BrokerKilled => f.write_str("Kafka killed"),
            Self::BrokerHung => f.write_str("Kafka hung"),
            Self::Provider(mode) => write!(f, "provider: {mode:?}"),
            Self::Telegram(mode) => write!(f, "Telegram: {mode:?}"),
            Self::Poison => f.write_str("poison in every topic"),
            Self::EventsAgain => f.write_str("the latest events again"),
        }
    }
}
