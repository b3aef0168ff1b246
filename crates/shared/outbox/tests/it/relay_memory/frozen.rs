//! Tests of two relays that freeze and thaw while records are refused or lost: the order of the events of one key in
//! their topic.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use outbox::{
    Event, MemoryOutbox, PublishOutcome, Publisher, Record, Refused, Relay, Scope, Unavailable, Waker, in_order_of_keys,
};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::doubles::{Counted, Process, text};

const SEEDS: u64 = 200;
const KEYS: u128 = 4;
const EVENTS: u32 = 12;
/// Sending a record may begin within this time.
const TIME_LIMIT: Duration = Duration::from_secs(2);
const KIND: &str = "events.v1.OrderPaid";

/// The topic, and the source of randomness.
struct Shared {
    topic: Vec<(Vec<u8>, u32)>,
    rng: SmallRng,
    reliable: bool,
}

#[derive(Clone)]
struct Kafka {
    process: Process,
    shared: Arc<Mutex<Shared>>,
}

impl Kafka {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the relay's outcome for a record that is not acknowledged.
    fn failure(&self) -> PublishOutcome {
        let error = anyhow::anyhow!("not acknowledged");
        match self.shared().rng.random_range(0..3) {
            0 => PublishOutcome::Refused(Refused { scope: Scope::Record, error, reason: None }),
            1 => PublishOutcome::Refused(Refused { scope: Scope::Topic, error, reason: None }),
            _ => PublishOutcome::Unavailable(Unavailable { error, reason: None }),
        }
    }

    /// Sends one record. Any of these may happen: it is refused; it is appended, but the acknowledgement is lost; it is
    /// acknowledged.
    async fn take(&self, record: &Record) -> bool {
        let (delay, chance) = {
            let mut shared = self.shared();
            let chance = if shared.reliable { 100 } else { shared.rng.random_range(0..100) };
            (shared.rng.random_range(0..800), chance)
        };
        self.process.call(tokio::time::sleep(Duration::from_millis(delay))).await;
        if chance >= 20 {
            let number = text(&record.payload).parse().expect("a number");
            self.shared().topic.push((record.key.clone(), number));
        }
        self.process.thawed().await;
        chance >= 40
    }
}

#[async_trait]
impl Publisher for Kafka {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        let taken = futures::future::join_all(records.iter().map(|record| self.take(record))).await;
        anyhow::ensure!(taken.iter().all(|taken| *taken), "a record was refused");
        Ok(())
    }

    async fn publish_each(&self, records: Vec<Record>) -> Vec<PublishOutcome> {
        let records = &records;
        // Without a time limit, the relays would lose their leases in turn and mark nothing.
        let until = Instant::now() + TIME_LIMIT;
        let send = move |place: usize| async move {
            if Instant::now() >= until {
                return Err(PublishOutcome::NotSent);
            }
            if self.take(&records[place]).await { Ok(()) } else { Err(self.failure()) }
        };
        let results = in_order_of_keys(records, send).await;
        let outcome = |result| match result {
            Some(Ok(())) => PublishOutcome::Acknowledged,
            Some(Err(failure)) => failure,
            None => PublishOutcome::NotSent,
        };
        results.into_iter().map(outcome).collect()
    }
}

/// Lets two relays publish while they freeze in turn and records are refused. Returns the topic.
async fn history(seed: u64) -> Vec<(Vec<u8>, u32)> {
    let shared = Shared { topic: Vec::new(), rng: SmallRng::seed_from_u64(seed), reliable: false };
    let (shared, outbox, stop) = (Arc::new(Mutex::new(shared)), MemoryOutbox::default(), CancellationToken::new());
    let mut rng = SmallRng::seed_from_u64(seed + SEEDS);
    let (mut freezers, mut relays) = (Vec::new(), Vec::new());
    for holder in ["first", "second"] {
        let (freezer, frozen) = watch::channel(false);
        let (process, shared) = (Process(Some(frozen)), shared.clone());
        let table = Counted { process: process.clone(), outbox: outbox.rival(holder), ..Counted::default() };
        let topics = [(KIND, "topic".to_owned())].into();
        let kafka = Arc::new(Kafka { process, shared });
        let relay = Relay::new("test", Arc::new(table), kafka, topics, &Waker::default());
        relays.push(tokio::spawn(relay.run(stop.clone())));
        freezers.push(freezer);
    }
    for number in 0..EVENTS {
        for key in 0..KEYS {
            outbox.insert(Event::new(KIND, Uuid::from_u128(key), number.to_string()));
        }
        if rng.random_bool(0.4) {
            // The process freezes for longer than the lease, or for less.
            let freezer = &freezers[rng.random_range(0..2)];
            freezer.send_replace(true);
            tokio::time::sleep(Duration::from_millis(rng.random_range(100..9_000))).await;
            freezer.send_replace(false);
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..2_000))).await;
    }
    shared.lock().unwrap().reliable = true;
    tokio::time::sleep(Duration::from_mins(3)).await;
    assert!(outbox.events().iter().all(|(_, published)| *published), "seed {seed}: an event is not published");
    stop.cancel();
    for relay in relays {
        relay.await.unwrap().unwrap();
    }
    std::mem::take(&mut shared.lock().unwrap().topic)
}

#[tokio::test(start_paused = true)]
async fn no_event_reaches_its_topic_before_the_earlier_ones_of_its_key_whatever_freezes_or_is_lost() {
    for seed in 0..SEEDS {
        let mut known: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        for (key, number) in history(seed).await {
            let next = known.entry(key).or_default();
            assert!(number <= *next, "seed {seed}: event {number} came before event {next} of its key");
            *next = (*next).max(number + 1);
        }
        assert!(known.values().all(|next| *next == EVENTS), "seed {seed}: {known:?}");
    }
}
