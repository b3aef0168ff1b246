//! All of it at once, from a seed.

use std::{fmt, time::Duration};

use ::faults::{Mode, ProviderFault, TelegramMode};
use rand::{RngExt as _, rngs::SmallRng, seq::IndexedRandom as _};
use tokio::time::{Instant, sleep_until};

use super::inject;
use crate::{
    chaos::{
        fault::{Done, Fault, Injected, Stage},
        poison,
        world::{Broker, CALLS, Link, World},
    },
    services::Service,
};

pub const FAULTS: [Fault; 1] =
    [Fault { number: 15, name: "storm", what: "all of it at once, for ten minutes", inject: inject!(storm) }];

/// Something that begins at a moment and is over at another.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub at: Duration,
    pub lasts: Duration,
    pub harm: Harm,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Harm {
    Kill(Service, usize),
    Freeze(Service, usize),
    Roll(Service, usize),
    Cut(Link),
    Slow(Link),
    HalfOpen(Link),
    Postgres,
    Redis { emptied: bool },
    BrokerKilled,
    BrokerHung,
    Provider(Mode),
    Telegram(TelegramMode),
    Poison,
}

async fn storm(stage: &mut Stage) -> anyhow::Result<Injected> {
    let length = Duration::from_secs(stage.scale(600, 30));
    let events = schedule(&mut stage.random, length, stage.world.fleet.count());
    let begun = Instant::now();
    let world = &mut stage.world;
    // What is over is undone in the order of its end.
    let mut lasting: Vec<(Instant, Harm)> = Vec::new();
    let mut done = Done::default();
    for event in &events {
        let at = begun + event.at;
        lasting.sort_by_key(|(end, _)| *end);
        while let Some((end, harm)) = lasting.first().copied().filter(|(end, _)| *end <= at) {
            lasting.remove(0);
            sleep_until(end).await;
            undo(world, harm).await?;
        }
        sleep_until(at).await;
        // A process has one trouble at a time, and so has a link.
        if lasting.iter().any(|(_, other)| other.hits() == event.harm.hits()) {
            continue;
        }
        begin(world, event.harm).await?;
        lasting.push((Instant::now() + event.lasts, event.harm));
        done.times += 1;
    }
    for (_, harm) in lasting {
        undo(world, harm).await?;
    }
    done.notes.push(format!("{} of {} planned", done.times, events.len()));
    Ok(Injected::Times(done))
}

/// What goes wrong when, for this long. The same for the same seed.
pub fn schedule(random: &mut SmallRng, length: Duration, replicas: usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut at = Duration::ZERO;
    loop {
        at += Duration::from_millis(random.random_range(500..4_000));
        if at >= length {
            return events;
        }
        let lasts = Duration::from_millis(random.random_range(500..8_000));
        events.push(Event { at, lasts, harm: Harm::any(random, replicas) });
    }
}

impl Harm {
    fn any(random: &mut SmallRng, replicas: usize) -> Self {
        let service = *Service::ALL.choose(random).unwrap_or(&Service::Order);
        let number = random.random_range(0..replicas.max(1));
        let databases = Service::ALL.map(Link::Database);
        let links = [&CALLS[..], &databases, &[Link::Redis, Link::Kafka, Link::Provider, Link::Telegram]].concat();
        let link = *links.choose(random).unwrap_or(&Link::Kafka);
        match random.random_range(0..100) {
            0..25 => Self::Kill(service, number),
            25..35 => Self::Freeze(service, number),
            35..42 => Self::Roll(service, number),
            42..50 => Self::Cut(link),
            50..58 => Self::Slow(link),
            58..66 => Self::HalfOpen(link),
            66..70 => Self::Postgres,
            70..74 => Self::Redis { emptied: random.random_bool(0.5) },
            74..77 => Self::BrokerKilled,
            77..80 => Self::BrokerHung,
            80..84 => Self::Provider(Mode::Charging(ProviderFault::Silent)),
            84..88 => Self::Provider(Mode::Charging(ProviderFault::Status(500))),
            88..91 => Self::Provider(Mode::Refunding(ProviderFault::Status(500))),
            91..93 => Self::Provider(Mode::Duplicating),
            93..95 => Self::Telegram(TelegramMode::TooMany { retry_after: 2 }),
            95..97 => Self::Telegram(TelegramMode::Broken),
            97..99 => Self::Telegram(TelegramMode::Silent),
            _ => Self::Poison,
        }
    }

    /// What it is done to: two harms to one thing would undo each other.
    fn hits(&self) -> String {
        match self {
            Self::Kill(service, number) | Self::Freeze(service, number) | Self::Roll(service, number) => {
                format!("{service} {number}")
            }
            Self::Cut(link) | Self::Slow(link) | Self::HalfOpen(link) => link.to_string(),
            Self::Postgres => "PostgreSQL".to_owned(),
            Self::Redis { .. } => Link::Redis.to_string(),
            Self::BrokerKilled | Self::BrokerHung | Self::Poison => Link::Kafka.to_string(),
            Self::Provider(_) => Link::Provider.to_string(),
            Self::Telegram(_) => Link::Telegram.to_string(),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, lasts) = (self.at.as_secs_f64(), self.lasts.as_secs_f64());
        write!(f, "{at:>7.1} s  for {lasts:>3.1} s  {:?}", self.harm)
    }
}

async fn begin(world: &mut World, harm: Harm) -> anyhow::Result<()> {
    match harm {
        Harm::Kill(service, number) => world.fleet.get(service, number)?.kill().await,
        Harm::Freeze(service, number) => world.fleet.get(service, number)?.freeze(),
        Harm::Roll(service, number) => world.fleet.get(service, number)?.terminate().await,
        Harm::Cut(link) => world.links.get(link)?.cut(),
        Harm::Slow(link) => world.links.get(link)?.delay(Duration::from_millis(200)),
        Harm::HalfOpen(link) => world.links.get(link)?.mute(),
        Harm::Postgres => world.servers.kill_postgres().await?,
        Harm::Redis { emptied } => {
            world.servers.kill_redis().await?;
            if emptied {
                world.servers.empty_redis().await?;
            }
        }
        Harm::BrokerKilled => {
            if let Broker::Container(broker) = &world.servers.broker {
                broker.kill().await?;
            }
        }
        Harm::BrokerHung => {
            if let Broker::Container(broker) = &world.servers.broker {
                broker.pause().await?;
            }
        }
        Harm::Provider(mode) => world.provider.be(mode),
        Harm::Telegram(mode) => world.telegram.be(mode),
        Harm::Poison => {
            poison::send(world).await?;
        }
    }
    Ok(())
}

async fn undo(world: &mut World, harm: Harm) -> anyhow::Result<()> {
    match harm {
        Harm::Kill(service, number) | Harm::Roll(service, number) => world.fleet.get(service, number)?.start(&[])?,
        Harm::Freeze(service, number) => world.fleet.get(service, number)?.thaw(),
        Harm::Cut(link) | Harm::Slow(link) | Harm::HalfOpen(link) => world.links.get(link)?.restore(),
        Harm::Postgres => world.servers.start_postgres().await?,
        Harm::Redis { .. } => world.servers.start_redis().await?,
        Harm::BrokerKilled => {
            if let Broker::Container(broker) = &world.servers.broker {
                broker.restart().await?;
            }
        }
        Harm::BrokerHung => {
            if let Broker::Container(broker) = &world.servers.broker {
                broker.unpause().await?;
            }
        }
        Harm::Provider(_) => world.provider.be(Mode::Well),
        Harm::Telegram(_) => world.telegram.be(TelegramMode::Well),
        Harm::Poison => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_seed_is_a_schedule() {
        let of = |seed| schedule(&mut SmallRng::seed_from_u64(seed), Duration::from_secs(60), 2);

        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        assert!(of(1).len() > 10 && of(1).iter().all(|event| event.at < Duration::from_secs(60)));
    }
}
