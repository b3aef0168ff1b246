//! Begins and ends each disturbance of a storm.

use std::time::Duration;

use stand_ins::{Mode, TelegramMode};

use super::Disturbance;
use crate::{
    cluster::{Cluster, Link},
    faults::connection_flood::ConnectionFlood,
    poison, topics,
};
use operations::registry::with_database;
use platform::server::service::Service;

const ADDED_LATENCY: Duration = Duration::from_millis(200);
/// How many of each partition's last records are published again.
const REPUBLISHED_RECORDS: i64 = 5;

pub struct Executor<'a> {
    cluster: &'a mut Cluster,
    flood: Option<ConnectionFlood>,
}

impl<'a> Executor<'a> {
    pub fn new(cluster: &'a mut Cluster) -> Self {
        Self { cluster, flood: None }
    }

    pub async fn begin(&mut self, disturbance: Disturbance) -> anyhow::Result<()> {
        let cluster = &mut *self.cluster;
        match disturbance {
            Disturbance::Kill(service, number) => cluster.replicas.get(service, number)?.kill().await,
            Disturbance::Freeze(service, number) => cluster.replicas.get(service, number)?.freeze(),
            Disturbance::Roll(service, number) => cluster.replicas.get(service, number)?.terminate().await,
            Disturbance::Clock { service, number, ahead } => {
                let offset = if ahead { "1h" } else { "-1h" };
                self.restart(service, number, &[("CLOCK_OFFSET", offset)]).await?;
            }
            Disturbance::AssemblyFails(number) => {
                self.restart(&assembly::SERVICE, number, &[("ASSEMBLY_FAILURE_RATE", "1")]).await?;
            }
            Disturbance::Cut(link) => cluster.links.get(link)?.cut(),
            Disturbance::Slow(link) => cluster.links.get(link)?.delay(ADDED_LATENCY),
            Disturbance::HalfOpen(link) => cluster.links.get(link)?.mute(),
            Disturbance::PostgresKilled => cluster.servers.kill_postgres().await?,
            Disturbance::PostgresHung => {
                for service in with_database() {
                    cluster.links.get(Link::Database(service))?.hang();
                }
            }
            Disturbance::PostgresCrowded => {
                self.flood = Some(ConnectionFlood::fill(&cluster.servers.postgres_url).await?);
            }
            Disturbance::DiskFull => {
                if let Ok(disk) = &cluster.servers.disk {
                    disk.fill()?;
                }
            }
            Disturbance::RedisKilled => cluster.servers.kill_redis().await?,
            Disturbance::RedisEmptied => {
                cluster.servers.kill_redis().await?;
                cluster.servers.empty_redis().await?;
            }
            Disturbance::BrokerKilled => cluster.servers.broker.real().map_err(anyhow::Error::msg)?.kill().await?,
            Disturbance::BrokerHung => cluster.servers.broker.real().map_err(anyhow::Error::msg)?.pause().await?,
            Disturbance::Provider(mode) => cluster.provider.be(mode),
            Disturbance::Telegram(mode) => cluster.telegram.be(mode),
            Disturbance::Poison => {
                poison::send(cluster).await?;
            }
            Disturbance::EventsAgain => events_again(cluster).await?,
        }
        Ok(())
    }

    pub async fn end(&mut self, disturbance: Disturbance) -> anyhow::Result<()> {
        let cluster = &mut *self.cluster;
        match disturbance {
            Disturbance::Kill(service, number) | Disturbance::Roll(service, number) => {
                cluster.replicas.get(service, number)?.start(&[])?;
            }
            Disturbance::Freeze(service, number) => cluster.replicas.get(service, number)?.thaw(),
            Disturbance::Clock { service, number, .. } => self.restart(service, number, &[]).await?,
            Disturbance::AssemblyFails(number) => self.restart(&assembly::SERVICE, number, &[]).await?,
            Disturbance::Cut(link) | Disturbance::Slow(link) | Disturbance::HalfOpen(link) => {
                cluster.links.get(link)?.restore();
            }
            Disturbance::PostgresKilled => cluster.servers.start_postgres().await?,
            Disturbance::PostgresHung => {
                for service in with_database() {
                    cluster.links.get(Link::Database(service))?.restore();
                }
            }
            Disturbance::PostgresCrowded => {
                if let Some(flood) = self.flood.take() {
                    flood.release().await;
                }
            }
            Disturbance::DiskFull => {
                if let Ok(disk) = &cluster.servers.disk {
                    disk.free()?;
                }
                // PostgreSQL exits if it cannot write its log.
                cluster.servers.start_postgres().await?;
            }
            Disturbance::RedisKilled | Disturbance::RedisEmptied => cluster.servers.start_redis().await?,
            Disturbance::BrokerKilled => cluster.servers.broker.real().map_err(anyhow::Error::msg)?.restart().await?,
            Disturbance::BrokerHung => cluster.servers.broker.real().map_err(anyhow::Error::msg)?.unpause().await?,
            Disturbance::Provider(_) => cluster.provider.be(Mode::Well),
            Disturbance::Telegram(_) => cluster.telegram.be(TelegramMode::Well),
            Disturbance::Poison | Disturbance::EventsAgain => {}
        }
        Ok(())
    }

    async fn restart(
        &mut self,
        service: &'static Service,
        number: usize,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let replica = self.cluster.replicas.get(service, number)?;
        replica.terminate().await;
        replica.start(variables)
    }
}

async fn events_again(cluster: &Cluster) -> anyhow::Result<()> {
    let topics = topics::all(cluster).await?;
    let latest = topics.into_iter().map(|topic| topic.from(|extent| extent.end - REPUBLISHED_RECORDS)).collect();
    let events = topics::read(cluster, latest, |_, message, _| topics::again(message)).await?;
    topics::publish(cluster, events).await
}
