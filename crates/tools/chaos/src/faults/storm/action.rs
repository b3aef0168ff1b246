//! How each harm of a storm is done, and undone.

use std::time::Duration;

use stand_ins::{Mode, TelegramMode};

use super::Harm;
use crate::{
    faults::crowd::Crowd,
    poison, topics,
    world::{Link, World},
};
use operations::services::SERVICES;
use platform::service::Service;

const SLOW: Duration = Duration::from_millis(200);
/// How many records at the end of each partition are published again.
const LATEST: i64 = 5;

pub struct Storm<'a> {
    world: &'a mut World,
    crowd: Option<Crowd>,
}

impl<'a> Storm<'a> {
    pub fn new(world: &'a mut World) -> Self {
        Self { world, crowd: None }
    }

    pub async fn begin(&mut self, harm: Harm) -> anyhow::Result<()> {
        let world = &mut *self.world;
        match harm {
            Harm::Kill(service, number) => world.fleet.get(service, number)?.kill().await,
            Harm::Freeze(service, number) => world.fleet.get(service, number)?.freeze(),
            Harm::Roll(service, number) => world.fleet.get(service, number)?.terminate().await,
            Harm::Clock { service, number, ahead } => {
                let offset = if ahead { "1h" } else { "-1h" };
                self.restart(service, number, &[("CLOCK_OFFSET", offset)]).await?;
            }
            Harm::AssemblyFails(number) => {
                self.restart(&assembly::SERVICE, number, &[("ASSEMBLY_FAILURE_RATE", "1")]).await?;
            }
            Harm::Cut(link) => world.links.get(link)?.cut(),
            Harm::Slow(link) => world.links.get(link)?.delay(SLOW),
            Harm::HalfOpen(link) => world.links.get(link)?.mute(),
            Harm::PostgresKilled => world.servers.kill_postgres().await?,
            Harm::PostgresHung => {
                for service in SERVICES {
                    world.links.get(Link::Database(service))?.hang();
                }
            }
            Harm::PostgresCrowded => self.crowd = Some(Crowd::gather(&world.servers.postgres_url).await?),
            Harm::DiskFull => {
                if let Ok(disk) = &world.servers.disk {
                    disk.fill()?;
                }
            }
            Harm::RedisKilled => world.servers.kill_redis().await?,
            Harm::RedisEmptied => {
                world.servers.kill_redis().await?;
                world.servers.empty_redis().await?;
            }
            Harm::BrokerKilled => world.servers.broker.real().map_err(anyhow::Error::msg)?.kill().await?,
            Harm::BrokerHung => world.servers.broker.real().map_err(anyhow::Error::msg)?.pause().await?,
            Harm::Provider(mode) => world.provider.be(mode),
            Harm::Telegram(mode) => world.telegram.be(mode),
            Harm::Poison => {
                poison::send(world).await?;
            }
            Harm::EventsAgain => events_again(world).await?,
        }
        Ok(())
    }

    pub async fn end(&mut self, harm: Harm) -> anyhow::Result<()> {
        let world = &mut *self.world;
        match harm {
            Harm::Kill(service, number) | Harm::Roll(service, number) => {
                world.fleet.get(service, number)?.start(&[])?;
            }
            Harm::Freeze(service, number) => world.fleet.get(service, number)?.thaw(),
            Harm::Clock { service, number, .. } => self.restart(service, number, &[]).await?,
            Harm::AssemblyFails(number) => self.restart(&assembly::SERVICE, number, &[]).await?,
            Harm::Cut(link) | Harm::Slow(link) | Harm::HalfOpen(link) => world.links.get(link)?.restore(),
            Harm::PostgresKilled => world.servers.start_postgres().await?,
            Harm::PostgresHung => {
                for service in SERVICES {
                    world.links.get(Link::Database(service))?.restore();
                }
            }
            Harm::PostgresCrowded => {
                if let Some(crowd) = self.crowd.take() {
                    crowd.leave().await;
                }
            }
            Harm::DiskFull => {
                if let Ok(disk) = &world.servers.disk {
                    disk.free()?;
                }
                // A server that could not even write its log has ended.
                world.servers.start_postgres().await?;
            }
            Harm::RedisKilled | Harm::RedisEmptied => world.servers.start_redis().await?,
            Harm::BrokerKilled => world.servers.broker.real().map_err(anyhow::Error::msg)?.restart().await?,
            Harm::BrokerHung => world.servers.broker.real().map_err(anyhow::Error::msg)?.unpause().await?,
            Harm::Provider(_) => world.provider.be(Mode::Well),
            Harm::Telegram(_) => world.telegram.be(TelegramMode::Well),
            Harm::Poison | Harm::EventsAgain => {}
        }
        Ok(())
    }

    async fn restart(
        &mut self,
        service: &'static Service,
        number: usize,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let replica = self.world.fleet.get(service, number)?;
        replica.terminate().await;
        replica.start(variables)
    }
}

async fn events_again(world: &World) -> anyhow::Result<()> {
    let topics = topics::all(world).await?;
    let latest = topics.into_iter().map(|topic| topic.from(|extent| extent.end - LATEST)).collect();
    let events = topics::read(world, latest, |_, message, _| topics::again(message)).await?;
    topics::publish(world, events).await
}
