//! The broker: a log per partition, offsets per group, and consumers that handle records like those of `platform`.

use std::{
    collections::BTreeMap,
    future::ready,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use contracts::events::{Subscription, Topics};
use outbox::{PublishOutcome, Publisher, Record, Refused, Scope, Unavailable, in_order_of_keys};
use platform::kafka::{Failure, Handler, Message};
use rand::RngExt as _;
use tokio::sync::Notify;

use crate::{
    plan::{Fault, Mistake},
    process::Process,
    world::{World, locked},
};

const PARTITIONS: usize = 3;

pub struct Broker {
    pub topics: Topics,
    partitions: BTreeMap<String, Vec<Partition>>,
    /// The committed offsets by group, topic and partition.
    committed: Mutex<BTreeMap<(&'static str, String, usize), usize>>,
    letters: Mutex<Vec<Letter>>,
    poison: Mutex<Vec<(String, usize, usize)>>,
}

struct Partition {
    log: Mutex<Vec<Record>>,
    /// Not a `watch`, which would wake its waiters in an order that does not depend on the seed.
    arrived: Notify,
}

#[derive(Clone)]
pub struct Letter {
    pub message: Message,
    pub group: &'static str,
    pub error: String,
}

impl Default for Broker {
    fn default() -> Self {
        let topics = Topics::default();
        let partition = |_| Partition { log: Mutex::default(), arrived: Notify::new() };
        let partitions =
            topics.all().into_iter().map(|topic| (topic.to_owned(), (0..PARTITIONS).map(partition).collect()));
        Self {
            partitions: partitions.collect(),
            topics,
            committed: Mutex::default(),
            letters: Mutex::default(),
            poison: Mutex::default(),
        }
    }
}

impl Broker {
    /// Appends a record to the partition of its key. Returns partition and offset.
    pub fn append(&self, record: Record) -> (usize, usize) {
        let number = partition_of(&record.key);
        let partition = &self.partitions[&record.topic][number];
        let mut log = locked(&partition.log);
        log.push(record);
        partition.arrived.notify_waiters();
        (number, log.len() - 1)
    }

    pub fn append_poison(&self, record: Record) {
        let topic = record.topic.clone();
        let (partition, offset) = self.append(record);
        locked(&self.poison).push((topic, partition, offset));
    }

    /// Returns the topic, partition and offset of each poison record.
    pub fn poison(&self) -> Vec<(String, usize, usize)> {
        locked(&self.poison).clone()
    }

    pub fn letters(&self) -> Vec<Letter> {
        locked(&self.letters).clone()
    }

    /// Returns every record of a topic, with partition and offset.
    pub fn records(&self, topic: &str) -> Vec<(usize, usize, Record)> {
        let partitions = self.partitions[topic].iter().enumerate();
        partitions
            .flat_map(|(number, partition)| {
                let log = locked(&partition.log).clone();
                log.into_iter().enumerate().map(move |(offset, record)| (number, offset, record))
            })
            .collect()
    }

    /// Returns true once the group has handled all records of the topic.
    pub fn is_done(&self, group: &'static str, topic: &str) -> bool {
        let mut partitions = self.partitions[topic].iter().enumerate();
        partitions.all(|(number, partition)| locked(&partition.log).len() == self.committed(group, topic, number))
    }

    /// Returns the offset of the first record that the group has not handled.
    pub fn committed(&self, group: &'static str, topic: &str, partition: usize) -> usize {
        locked(&self.committed).get(&(group, topic.to_owned(), partition)).copied().unwrap_or_default()
    }

    fn message(&self, topic: &str, partition: usize, offset: usize) -> Option<Message> {
        let log = locked(&self.partitions[topic][partition].log);
        let record = log.get(offset)?;
        Some(Message {
            topic: topic.to_owned(),
            partition: i32::try_from(partition).unwrap_or_default(),
            offset: i64::try_from(offset).unwrap_or_default(),
            key: record.key.clone(),
            payload: record.payload.clone(),
            headers: record.headers.clone().into(),
            ..Message::default()
        })
    }
}

/// Consumes topics, each within the group of its subscription, and each partition separately.
pub fn consume(process: &Process, subscriptions: impl IntoIterator<Item = Subscription>) {
    for subscription in subscriptions {
        let (group, topic) = (subscription.group(), subscription.topic(&process.world.broker.topics).to_owned());
        let handler: Arc<dyn Handler> = Arc::new(subscription);
        for partition in 0..PARTITIONS {
            let member =
                Member { process: process.clone(), group, topic: topic.clone(), partition, handler: handler.clone() };
            process.spawn(member.run());
        }
    }
}

struct Member {
    process: Process,
    group: &'static str,
    topic: String,
    partition: usize,
    handler: Arc<dyn Handler>,
}

impl Member {
    async fn run(self) {
        let world = self.process.world.clone();
        let partition = &world.broker.partitions[&self.topic][self.partition];
        let mut offset = locked(&world.broker.committed).get(&self.place()).copied().unwrap_or(0);
        loop {
            let arrived = partition.arrived.notified();
            let Some(message) = world.broker.message(&self.topic, self.partition, offset) else {
                arrived.await;
                continue;
            };
            world.travel().await;
            if world.makes(Mistake::AcknowledgeBeforeEffect) {
                self.commit(&world, offset + 1);
            }
            self.maybe_late(&world, &message);
            self.handle_or_dead_letter(&world, &message).await;
            self.process.step("between an effect and its offset").await;
            offset += 1;
            if world.strikes(Fault::Redelivery) {
                let back = world.pick(|rng| rng.random_range(0..=offset));
                world.note(format_args!("{} goes back from {offset} to {back}", self.group));
                offset = back;
            }
            self.commit(&world, offset);
        }
    }

    /// Lets a consumer expelled from the group handle the message again, at some later time.
    fn maybe_late(&self, world: &Arc<World>, message: &Message) {
        if !world.strikes(Fault::Zombie) {
            return;
        }
        let (handler, message, late) = (self.handler.clone(), message.clone(), world.millis(0, 20_000));
        self.process.spawn(async move {
            tokio::time::sleep(late).await;
            let _ = handler.handle(&message).await;
        });
    }

    async fn handle_or_dead_letter(&self, world: &Arc<World>, message: &Message) {
        let mut pause = Duration::from_millis(100);
        loop {
            self.process.step("before it handles a message").await;
            match self.handler.handle(message).await {
                Ok(()) => {
                    world.note(format_args!("{} took {} {}", self.group, self.partition, message.offset));
                    return;
                }
                Err(Failure::Poison(error)) => {
                    world.note(format_args!("{} buries {} {}: {error}", self.group, self.partition, message.offset));
                    locked(&world.broker.letters).push(Letter { message: message.clone(), group: self.group, error });
                    return;
                }
                Err(Failure::Transient(_)) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(5));
                }
            }
        }
    }

    /// Commits the offset. The broker refuses it if another process has replaced this member.
    fn commit(&self, world: &World, offset: usize) {
        if !self.process.has_its_name() {
            return;
        }
        locked(&world.broker.committed).insert(self.place(), offset);
    }

    fn place(&self) -> (&'static str, String, usize) {
        (self.group, self.topic.clone(), self.partition)
    }
}

/// The producer of one process.
pub struct SimulatedPublisher(pub Process);

impl SimulatedPublisher {
    /// Sends one record. With `faulty`, the broker may refuse it, lose its acknowledgement, or be unavailable.
    fn send(&self, record: &Record, faulty: bool) -> Result<(), PublishOutcome> {
        let world = &self.0.world;
        let chance = if faulty { world.pick(|rng| rng.random_range(0..10)) } else { 9 };
        let error = anyhow::anyhow!("not acknowledged");
        match chance {
            0 => return Err(PublishOutcome::Refused(Refused { scope: Scope::Record, error, reason: None })),
            1 => return Err(PublishOutcome::Refused(Refused { scope: Scope::Topic, error, reason: None })),
            2 => return Err(PublishOutcome::Unavailable(Unavailable { error, reason: None })),
            _ => {}
        }
        let (partition, offset) = world.broker.append(record.clone());
        world.note(format_args!("{:?} publishes {} {partition} {offset}", self.0.name, record.topic));
        match chance {
            3 => Err(PublishOutcome::Refused(Refused { scope: Scope::Record, error, reason: None })),
            4 => Err(PublishOutcome::Unavailable(Unavailable { error, reason: None })),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Publisher for SimulatedPublisher {
    async fn publish(&self, records: Vec<Record>) -> anyhow::Result<()> {
        let outcomes = self.publish_each(records).await;
        anyhow::ensure!(
            outcomes.iter().all(|outcome| matches!(outcome, PublishOutcome::Acknowledged)),
            "the broker did not acknowledge all of {} records",
            outcomes.len()
        );
        Ok(())
    }

    async fn publish_each(&self, records: Vec<Record>) -> Vec<PublishOutcome> {
        let world = &self.0.world;
        self.0.step("before it publishes").await;
        world.travel().await;
        let faulty = world.strikes(Fault::Broker);
        let results = in_order_of_keys(&records, |place| ready(self.send(&records[place], faulty))).await;
        self.0.step("between publishing and marking").await;
        let outcome = |result| match result {
            Some(Ok(())) => PublishOutcome::Acknowledged,
            Some(Err(failure)) => failure,
            None => PublishOutcome::NotSent,
        };
        results.into_iter().map(outcome).collect()
    }
}

fn partition_of(key: &[u8]) -> usize {
    key.iter().fold(7_usize, |sum, byte| sum * 31 % 1009 + usize::from(*byte)) % PARTITIONS
}
