//! A storm: many disturbances at once, scheduled from a seed.

use std::{fmt, time::Duration};

use operations::registry::{SERVICES, with_database};
use rand::{
    RngExt as _,
    rngs::SmallRng,
    seq::{IndexedRandom as _, SliceRandom as _},
};
use stand_ins::{Mode, ProviderFault, TelegramMode};
use tokio::time::{Instant, sleep_until};

use super::{disturbance::Disturbance, inject};
use crate::{
    REPLICAS,
    cluster::{Link, calls},
    experiment::{Experiment, Fault, Injected, Injection},
};

pub const FAULTS: [Fault; 1] =
    [Fault::new(15, "storm", "random faults of all kinds at once", inject!(storm)).lasting(600, 30)];

/// The pause between two disturbances, and the duration of one, in milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 500..4_000;
const DURATION_MS: std::ops::Range<u64> = 500..8_000;

#[derive(Clone, Debug, PartialEq)]
struct Event {
    /// The time since the start of the storm.
    at: Duration,
    lasts: Duration,
    disturbance: Disturbance,
}

/// Runs the planned storm. A slow step delays later steps without changing their order.
async fn storm(experiment: &mut Experiment) -> anyhow::Result<Injected> {
    let length = experiment.lasting;
    let servers = &experiment.cluster.servers;
    let (real_broker, disk) = (servers.broker.real().is_ok(), servers.disk.is_ok());
    let events = plan(&mut experiment.random, length, REPLICAS, real_broker, disk);
    let mut steps: Vec<(Duration, bool, &Event)> =
        events.iter().flat_map(|event| [(event.at, true, event), (event.at + event.lasts, false, event)]).collect();
    // At equal times, disturbances end before others begin.
    steps.sort_by_key(|(at, begins, _)| (*at, *begins));
    let begun = Instant::now();
    let mut done = Injection { ends_sessions: true, ..Injection::default() };
    for (at, begins, event) in steps {
        sleep_until(begun + at).await;
        let (cluster, disturbance) = (&mut experiment.cluster, event.disturbance);
        let outcome = if begins { disturbance.begin(cluster).await } else { disturbance.end(cluster).await };
        if let Err(error) = outcome {
            let what = if begins { "begin" } else { "end" };
            done.problems.push(format!("`{event}` did not {what}: {error:#}"));
        }
        tracing::info!(%event, begins, late = ?(begun.elapsed().saturating_sub(at)), "storm");
        done.times += usize::from(begins);
    }
    experiment.cause_removed();
    if !real_broker {
        done.notes.push("Kafka was left alone: it is a mock".to_owned());
    }
    if !disk {
        done.notes.push("no disk was filled: PostgreSQL has none of its own".to_owned());
    }
    Ok(Injected::Done(done))
}

/// Plans the disturbances within `length`, in order. A target never has two disturbances at once. A mock broker gets
/// only additional records, and a disk shared with other programs is never filled.
fn plan(random: &mut SmallRng, length: Duration, replicas: usize, real_broker: bool, disk: bool) -> Vec<Event> {
    let (mut events, mut deck): (Vec<Event>, _) = (Vec::new(), Vec::new());
    let mut at = Duration::ZERO;
    loop {
        at += Duration::from_millis(random.random_range(PAUSE_MS));
        if at >= length {
            return events;
        }
        let lasts = Duration::from_millis(random.random_range(DURATION_MS));
        if deck.is_empty() {
            deck = self::deck(random, replicas.max(1), real_broker, disk);
        }
        let busy = |disturbance: &Disturbance| {
            events.iter().any(|event| at < event.at + event.lasts && event.disturbance.meets(disturbance))
        };
        // A disturbance that cannot begin yet stays in the deck.
        if let Some(place) = deck.iter().rposition(|disturbance| !busy(disturbance)) {
            events.push(Event { at, lasts, disturbance: deck.remove(place) });
        }
    }
}

/// Returns every disturbance at least once, and common ones more often, shuffled.
fn deck(random: &mut SmallRng, replicas: usize, real_broker: bool, disk: bool) -> Vec<Disturbance> {
    let mut deck = vec![
        Disturbance::PostgresKilled,
        Disturbance::PostgresHung,
        Disturbance::PostgresCrowded,
        Disturbance::RedisKilled,
        Disturbance::RedisEmptied,
        Disturbance::AssemblyFails(random.random_range(0..replicas)),
        Disturbance::Provider(Mode::Charging(ProviderFault::Silent)),
        Disturbance::Provider(Mode::Charging(ProviderFault::Status(500))),
        Disturbance::Provider(Mode::Charging(ProviderFault::Declined("generic_decline"))),
        Disturbance::Provider(Mode::Refunding(ProviderFault::Status(500))),
        Disturbance::Provider(Mode::Refunding(ProviderFault::Slow)),
        Disturbance::Provider(Mode::Refunding(ProviderFault::Failing)),
        Disturbance::Provider(Mode::Refunding(ProviderFault::Stored(500))),
        Disturbance::Provider(Mode::RefundingLate(3)),
        Disturbance::Provider(Mode::Duplicating),
        Disturbance::Telegram(TelegramMode::TooMany { retry_after: 2 }),
        Disturbance::Telegram(TelegramMode::Broken),
        Disturbance::Telegram(TelegramMode::Silent),
        Disturbance::Telegram(TelegramMode::BadGateway),
        Disturbance::Telegram(TelegramMode::Forbidden),
        Disturbance::Poison,
        Disturbance::EventsAgain,
    ];
    if disk {
        deck.push(Disturbance::DiskFull);
    }
    let databases: Vec<Link> = with_database().map(Link::Database).collect();
    let mut links = [&calls()[..], &databases[..], &[Link::Redis, Link::Provider, Link::Telegram]].concat();
    if real_broker {
        deck.extend([Disturbance::BrokerKilled, Disturbance::BrokerHung]);
        links.push(Link::Kafka);
    }
    let mut process = || (*SERVICES.choose(random).unwrap_or(&&order::SERVICE), random.random_range(0..replicas));
    let processes: [_; 16] = std::array::from_fn(|_| process());
    for (place, (service, number)) in processes.into_iter().enumerate() {
        deck.push(match place {
            0..8 => Disturbance::Kill(service, number),
            8..11 => Disturbance::Freeze(service, number),
            11..14 => Disturbance::Roll(service, number),
            _ => Disturbance::Clock { service, number, ahead: place % 2 == 0 },
        });
    }
    for disturbance in [Disturbance::Cut, Disturbance::Slow, Disturbance::HalfOpen] {
        deck.extend(links.sample(random, 3).copied().map(disturbance));
    }
    deck.shuffle(random);
    deck
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, lasts) = (self.at.as_secs_f64(), self.lasts.as_secs_f64());
        write!(f, "{at:>5.1} s, for {lasts:.1} s: {}", self.disturbance)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    const TEN_MINUTES: Duration = Duration::from_mins(10);

    fn of(seed: u64, real_broker: bool, disk: bool) -> Vec<Event> {
        plan(&mut SmallRng::seed_from_u64(seed), TEN_MINUTES, 2, real_broker, disk)
    }

    #[test]
    fn a_seed_is_a_plan() {
        assert_eq!(of(1, true, true), of(1, true, true));
        assert_ne!(of(1, true, true), of(2, true, true));
        assert!(of(1, true, true).iter().all(|event| event.at < TEN_MINUTES));
    }

    #[test]
    fn nothing_is_hit_twice_at_once() {
        for seed in 0..20 {
            let all = of(seed, true, true);

            for (place, event) in all.iter().enumerate() {
                let before = all[..place].iter().filter(|other| other.at + other.lasts > event.at);
                let mut others = before.filter(|other| other.disturbance.meets(&event.disturbance));
                assert_eq!(others.next(), None, "with {event}, seed {seed}");
            }
        }
    }

    #[test]
    fn a_mock_and_a_disk_of_others_are_left_alone() {
        let others = |disturbance: &Disturbance| match disturbance {
            Disturbance::BrokerKilled | Disturbance::BrokerHung | Disturbance::DiskFull => true,
            Disturbance::Cut(link) | Disturbance::Slow(link) | Disturbance::HalfOpen(link) => *link == Link::Kafka,
            _ => false,
        };

        assert!(!of(4, false, false).iter().any(|event| others(&event.disturbance)));
        assert!(of(4, true, true).iter().any(|event| others(&event.disturbance)));
    }
}
