//! Connects a service to Kafka: its subscriptions to events, and the relay that publishes its own events.

use std::{marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use outbox::{Relay, Waker};
use platform::{
    config::{ConfigError, Settings},
    kafka::{self, Consumer, Failure, Handler, KafkaPublisher, Message, TopicCreator, Traced},
    postgres::outbox_of,
    server::Server,
};

use super::{Cause, Event, INBOUND, InboundTopic, ROUTES, Received, TIMELINE, Topic, Topics, read, topics_of};

/// The configuration of the Kafka cluster and the names of the topics.
#[derive(Clone, Debug)]
pub struct Messaging {
    pub kafka: kafka::Config,
    pub topics: Topics,
    /// Creates the topics that the service reads or writes.
    creator: TopicCreator,
}

/// A consumer group, the topic that it reads, and the handler of the topic's records.
pub struct Subscription {
    group: &'static str,
    topic: Topic,
    handler: Arc<dyn Handler>,
}

impl Messaging {
    /// Reads the `KAFKA_…` variables and the names of the topics. An error names the missing or wrong variable.
    pub fn load(settings: &Settings) -> Result<Self, ConfigError> {
        let kafka = kafka::Config::load(settings)?;
        Ok(Self { creator: TopicCreator::new(&kafka), kafka, topics: settings.read()? })
    }

    /// The server becomes ready only once each consumer has joined its group.
    pub fn consumers(&self, server: &Server, subscriptions: impl IntoIterator<Item = Subscription>) -> Vec<Consumer> {
        let consumer = |Subscription { group, topic, handler }: Subscription| {
            let subscription = kafka::TopicSubscription { group, topic: self.topics.name(topic).to_owned(), handler };
            let consumer = Consumer::new(&self.kafka, subscription, server.condition(group))
                .creating(&self.creator)
                .at(server.place());
            let is_inbound = INBOUND.iter().any(|inbound| inbound.topic == topic);
            if is_inbound { consumer.from_outside() } else { consumer }
        };
        subscriptions.into_iter().map(consumer).collect()
    }

    /// Creates the relay that publishes the outbox of `server`, with the event types that the service produces
    /// according to [`ROUTES`](super::ROUTES).
    pub fn relay(&self, server: &Server, waker: &Waker) -> anyhow::Result<Relay> {
        let topics = topics_of(server.name(), &self.topics);
        let outbox = outbox_of(&server.database()?, server.instance());
        self.creator.expect(topics.values().cloned());
        let publisher = Arc::new(Traced(KafkaPublisher::for_relay(&self.kafka)?.creating(&self.creator)));
        let relay = Relay::new(server.name(), Arc::new(outbox), publisher, topics, waker);
        Ok(relay.reporting(server.condition("outbox").while_accepted()))
    }
}

impl Subscription {
    /// Calls `handle` with each event of the type `E` and the cause under which the inbox records it. A record that is
    /// not such an event is poison.
    pub fn new<E, F, Done>(group: &'static str, handle: F) -> Self
    where
        E: Event + Send + Sync + 'static,
        F: Fn(Cause, Received<E>) -> Done + Send + Sync + 'static,
        Done: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self { group, topic: E::ROUTE.topic, handler: Arc::new(EventHandler { group, handle, event: PhantomData }) }
    }

    /// Calls `handle` with each record of a topic that outside programs write. Such a record is not an [`Event`].
    pub fn inbound<F, Done>(inbound: &InboundTopic, handle: F) -> Self
    where
        F: Fn(Message) -> Done + Send + Sync + 'static,
        Done: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        Self { group: inbound.consumer.group, topic: inbound.topic, handler: Arc::new(RecordHandler { handle }) }
    }

    /// Subscribes to the topic of `inbound` with a custom handler, for example for batches.
    pub fn handled_by(inbound: &InboundTopic, handler: Arc<dyn Handler>) -> Self {
        Self { group: inbound.consumer.group, topic: inbound.topic, handler }
    }

    /// The subscriptions of the console's timeline to each topic of orders.
    pub fn timeline(handler: &Arc<dyn Handler>) -> Vec<Self> {
        let of_order = ROUTES.iter().filter(|route| route.is_of_order());
        let group = TIMELINE.group;
        of_order.map(|route| Self { group, topic: route.topic, handler: handler.clone() }).collect()
    }

    pub fn group(&self) -> &'static str {
        self.group
    }

    pub fn topic<'a>(&self, topics: &'a Topics) -> &'a str {
        topics.name(self.topic)
    }
}

#[async_trait]
impl Handler for Subscription {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        self.handler.handle(message).await
    }

    fn batch(&self) -> usize {
        self.handler.batch()
    }

    async fn handle_all(&self, messages: &[Message]) -> Vec<bool> {
        self.handler.handle_all(messages).await
    }
}

struct EventHandler<E, F> {
    group: &'static str,
    handle: F,
    event: PhantomData<fn() -> E>,
}

#[async_trait]
impl<E, F, Done> Handler for EventHandler<E, F>
where
    E: Event + Send + Sync + 'static,
    F: Fn(Cause, Received<E>) -> Done + Send + Sync + 'static,
    Done: Future<Output = Result<(), Failure>> + Send + 'static,
{
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let received = read::<E>(message)?;
        (self.handle)(Cause { consumer: self.group, event: received.id }, received).await
    }
}

struct RecordHandler<F> {
    handle: F,
}

#[async_trait]
impl<F, Done> Handler for RecordHandler<F>
where
    F: Fn(Message) -> Done + Send + Sync + 'static,
    Done: Future<Output = Result<(), Failure>> + Send + 'static,
{
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        (self.handle)(message.clone()).await
    }
}
